import { comparePositions, type Position } from '@playhead/protocol';
import type { Bounds } from '../../log/event-log.ts';

/** How a stream came into a subscription; it may be both, and is in it for as long as it is one of them. */
export interface LinkKinds {
  readonly explicit: boolean;
  readonly glob: boolean;
}

/** What a restart must know of one stream of a subscription. */
export interface StoredLink extends LinkKinds {
  /** Behind the last event that was acknowledged; null while there is no such stream. */
  readonly acked: Position | null;
  /** When the stream was made, ms since 1970: another of its name has another history. */
  readonly made: number | null;
}

/** A stream of a subscription, as workers are told of it. */
export interface LinkView {
  readonly name: string;
  readonly kinds: LinkKinds;
  readonly acked: Position | null;
  /** Its end; null while there is no such stream. */
  readonly tail: Position | null;
  readonly pending: boolean;
}

interface Link {
  kinds: LinkKinds;
  acked: Position | null;
  made: number | null;
  tail: Position | null;
}

export interface CursorWatcher {
  linked(name: string): void;
  unlinked(name: string): void;
}

/**
 * The streams of one subscription, and how far each was acknowledged. Remembers what of it is not stored yet. A stream
 * that is linked before it exists, or is made anew under its name, is pending from its first event.
 */
export class Cursors {
  readonly #links = new Map<string, Link>();
  readonly #pending = new Set<string>();
  readonly #unsaved = new Set<string>();
  readonly #watcher: CursorWatcher;

  constructor(watcher: CursorWatcher) {
    this.#watcher = watcher;
  }

  get size(): number {
    return this.#links.size;
  }

  get pending(): boolean {
    return this.#pending.size > 0;
  }

  /** The name of a stream that is pending; undefined if there is none. */
  get firstPending(): string | undefined {
    for (const name of this.#pending) return name;
    return undefined;
  }

  has(name: string): boolean {
    return this.#links.has(name);
  }

  names(): IterableIterator<string> {
    return this.#links.keys();
  }

  /** Adds a stream, or another kind of link to it. A new one begins at `from` of what is retained. */
  link(name: string, kind: keyof LinkKinds, bounds: Bounds | undefined, from: 'start' | 'end'): void {
    const known = this.#links.get(name);
    if (known !== undefined) {
      if (known.kinds[kind]) return;
      known.kinds = { ...known.kinds, [kind]: true };
    } else {
      const acked = bounds === undefined ? null : from === 'end' ? bounds.latest : bounds.start;
      const kinds = { explicit: kind === 'explicit', glob: kind === 'glob' };
      this.#put(name, { kinds, acked, made: bounds?.createdAt ?? null, tail: null });
    }
    this.#unsaved.add(name);
    this.saw(name, bounds);
  }

  /** As it was stored. */
  restore(name: string, { explicit, glob, acked, made }: StoredLink): void {
    this.#put(name, { kinds: { explicit, glob }, acked, made, tail: null });
  }

  unlink(name: string, kind: keyof LinkKinds): void {
    const link = this.#links.get(name);
    if (link?.kinds[kind] !== true) return;
    link.kinds = { ...link.kinds, [kind]: false };
    this.#unsaved.add(name);
    if (!link.kinds.explicit && !link.kinds.glob) this.#remove(name);
  }

  /** What is known of a stream now; undefined if there is none. */
  saw(name: string, bounds: Bounds | undefined): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    if (bounds === undefined) {
      this.unlink(name, 'glob');
      if (link.acked !== null) this.#unsaved.add(name);
      link.acked = link.made = link.tail = null;
    } else {
      if (link.made !== bounds.createdAt) {
        link.acked = bounds.start;
        link.made = bounds.createdAt;
        this.#unsaved.add(name);
      }
      link.tail = bounds.latest;
    }
    this.#judge(name, link);
  }

  /** Whether a worker may move a cursor there: not back, and not behind the end. */
  admits(name: string, position: Position): boolean {
    const link = this.#links.get(name);
    if (link === undefined || link.acked === null || link.tail === null) return false;
    return comparePositions(position, link.acked) >= 0 && comparePositions(position, link.tail) <= 0;
  }

  /** Moves a cursor forward; nothing if it stands there or further, or the stream is not linked any more. */
  ack(name: string, position: Position): void {
    const link = this.#links.get(name);
    if (link === undefined || link.acked === null || comparePositions(position, link.acked) <= 0) return;
    link.acked = position;
    this.#unsaved.add(name);
    this.#judge(name, link);
  }

  /** At most so many streams, those that are pending first. */
  view(limit: number): LinkView[] {
    const seen: LinkView[] = [];
    for (const name of this.#pending) {
      if (seen.length >= limit) return seen;
      this.#show(name, seen);
    }
    for (const name of this.#links.keys()) {
      if (seen.length >= limit) return seen;
      if (!this.#pending.has(name)) this.#show(name, seen);
    }
    return seen;
  }

  get unsaved(): boolean {
    return this.#unsaved.size > 0;
  }

  /** What is to be stored since the last call: undefined for a link that is to be removed. */
  takeUnsaved(): [name: string, link: StoredLink | undefined][] {
    const taken = [...this.#unsaved].map((name): [string, StoredLink | undefined] => {
      const link = this.#links.get(name);
      return [name, link && { ...link.kinds, acked: link.acked, made: link.made }];
    });
    this.#unsaved.clear();
    return taken;
  }

  /** Of what was taken this could not be stored. */
  putBack(names: Iterable<string>): void {
    for (const name of names) this.#unsaved.add(name);
  }

  #show(name: string, into: LinkView[]): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    const { kinds, acked, tail } = link;
    into.push({ name, kinds, acked, tail, pending: this.#pending.has(name) });
  }

  #judge(name: string, { acked, tail }: Link): void {
    if (acked !== null && tail !== null && comparePositions(tail, acked) > 0) this.#pending.add(name);
    else this.#pending.delete(name);
  }

  #put(name: string, link: Link): void {
    this.#links.set(name, link);
    this.#watcher.linked(name);
  }

  #remove(name: string): void {
    this.#links.delete(name);
    this.#pending.delete(name);
    this.#watcher.unlinked(name);
  }
}
