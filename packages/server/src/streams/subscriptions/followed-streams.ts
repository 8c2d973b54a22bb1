import type { StreamName } from '@playhead/protocol';
import type { Bounds, EventLog } from '../../log/event-log.ts';
import { nameOf, streamKey } from '../../log/stream-key.ts';
import { Cursors, type CursorWatcher, type LinkKinds, type StoredLink } from './cursors.ts';
import { type StreamPattern, streamPattern } from './stream-pattern.ts';
import type { SubscriptionConfig } from './subscription-config.ts';
import { refusal } from './subscription-refusal.ts';
import { isTenantWide } from './tenant-wide.ts';

export interface FollowedParts {
  readonly log: EventLog;
  readonly tenant: string;
  readonly config: SubscriptionConfig;
  /** Streams in one subscription. */
  readonly limit: number;
  readonly watcher: CursorWatcher;
}

/** How many streams are asked for, and looked up, at once. */
const LOOK_UPS = 64;
const PAGE = 1_000;

/**
 * The streams of one subscription: the cursors, kept up with the log. Hints are cheap (`heard`), and only `refresh` asks
 * the log, for those streams that a hint named.
 */
export class FollowedStreams {
  readonly cursors: Cursors;
  readonly #parts: FollowedParts;
  readonly #pattern: StreamPattern | undefined;
  /** Linked ones of which it is not known how far they are. */
  readonly #stale = new Set<StreamName>();
  /** Ones that were made, and fit the pattern. */
  readonly #found = new Set<StreamName>();
  #truncated = false;

  constructor(parts: FollowedParts) {
    this.#parts = parts;
    this.cursors = new Cursors(parts.watcher);
    this.#pattern = parts.config.pattern === null ? undefined : streamPattern(parts.config.pattern);
  }

  /** There are streams that fit the pattern and had no room. */
  get truncated(): boolean {
    return this.#truncated;
  }

  /** Whether a stream fits the pattern. Its own wake events never wake a subscription. */
  fits(name: StreamName): boolean {
    if (this.#pattern === undefined || !this.#pattern.matches(name)) return false;
    const { delivery } = this.#parts.config;
    return isTenantWide(name) && !(delivery.kind === 'pull-wake' && delivery.stream === name);
  }

  /** A stream has moved, was made or deleted. */
  heard(name: StreamName): void {
    if (this.cursors.has(name)) this.#stale.add(name);
    else if (this.fits(name)) this.#found.add(name);
  }

  /** One that a restart found. */
  restore(name: StreamName, link: StoredLink): void {
    this.cursors.restore(name, link);
    this.#stale.add(name);
  }

  /** Looks at what was heard of. Rejects with the log's error; what was heard of is not forgotten then. */
  async refresh(): Promise<void> {
    await this.#lookAtStale();
    await this.#eachOf(this.#found, (name, bounds) => this.#discover(name, bounds));
    if (this.#truncated && this.cursors.size < this.#parts.limit) await this.backfill('start');
    await this.#lookAtStale();
  }

  /** Links streams by name, at their end. Throws `LIMIT_REACHED`. */
  async add(names: readonly StreamName[]): Promise<void> {
    const fresh = names.filter((name) => !this.cursors.has(name)).length;
    if (this.cursors.size + fresh > this.#parts.limit) throw this.#tooMany();
    const wanted = new Set(names);
    await this.#eachOf(wanted, (name, bounds) => this.#link(name, 'explicit', bounds, 'end'));
  }

  /**
   * Links all that fit the pattern. At their `end` if the subscription is new: throws `LIMIT_REACHED` if they are too many.
   * At their `start` if they were made after it: those that have no room wait until there is some.
   */
  async backfill(from: 'start' | 'end'): Promise<void> {
    const { log, tenant, limit } = this.#parts;
    if (this.#pattern === undefined) return;
    this.#truncated = false;
    const { prefix } = this.#pattern;
    for (let after = '', more = true; more; ) {
      const page = await log.list({ tenant, prefix, after, limit: PAGE });
      for (const { key, bounds } of page) {
        const name = nameOf(key);
        if (!this.fits(name)) continue;
        if (from === 'start') this.#discover(name, bounds);
        else if (this.cursors.has(name) || this.cursors.size < limit) this.#link(name, 'glob', bounds, from);
        else throw this.#tooMany();
      }
      after = nameOf(page.at(-1)?.key ?? streamKey(tenant, '-'));
      more = page.length === PAGE && !this.#truncated;
    }
  }

  #discover(name: StreamName, bounds: Bounds | undefined): void {
    if (bounds === undefined) return;
    if (this.cursors.has(name) || this.cursors.size < this.#parts.limit)
      this.#link(name, 'glob', bounds, 'start');
    else this.#truncated = true;
  }

  /** What was appended between the answer of the log and this told nobody: it is looked at once more. */
  #link(name: StreamName, kind: keyof LinkKinds, bounds: Bounds | undefined, from: 'start' | 'end'): void {
    if (!this.cursors.has(name)) this.#stale.add(name);
    this.cursors.link(name, kind, bounds, from);
  }

  #lookAtStale(): Promise<void> {
    return this.#eachOf(this.#stale, (name, bounds) => {
      this.cursors.saw(name, bounds);
      if (bounds !== undefined && this.fits(name)) this.cursors.link(name, 'glob', bounds, 'start');
    });
  }

  async #eachOf(
    names: Set<StreamName>,
    take: (name: StreamName, bounds: Bounds | undefined) => void,
  ): Promise<void> {
    const { log, tenant } = this.#parts;
    while (names.size > 0) {
      const some = [...names].slice(0, LOOK_UPS);
      // Taken out before the answer: a hint that comes meanwhile is one of something that the answer may not tell.
      for (const name of some) names.delete(name);
      try {
        const bounds = await Promise.all(some.map((name) => log.bounds(streamKey(tenant, name))));
        for (const [index, name] of some.entries()) take(name, bounds[index]);
      } catch (error) {
        for (const name of some) names.add(name);
        throw error;
      }
    }
  }

  #tooMany(): Error {
    return refusal('LIMIT_REACHED', `A subscription has at most ${this.#parts.limit} streams.`);
  }
}
