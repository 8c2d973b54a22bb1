import { PlayheadError } from '@playhead/protocol';
import type { StreamKey } from '../stream-key.ts';
import type { Trimmed } from './messages.ts';
import type { ReaderPool } from './reader-pool.ts';
import { applyTrim, type Grave, graveOf, stateOf, type StreamState } from './stream-state.ts';
import type { TakenNames } from './taken-names.ts';

/** What is known of one name: a stream, or that there is none. */
export interface Entry {
  readonly key: StreamKey;
  state: StreamState | undefined;
  /** Set if there is no stream, but the name is taken by one that was deleted (L9). */
  grave: Grave | undefined;
  /** Calls that wait until it is known, or until a fork was decided; undefined where nothing has to wait. */
  queue: Call[] | undefined;
  /** Answers under way that were decided by what is known here. */
  pending: number;
  /** Looked at since eviction last came by. */
  used: boolean;
  /** Something was trimmed while it was being loaded: what comes may be from before. */
  stale: boolean;
  loading: boolean;
  /** What was known here was never committed; the entry is no longer in the table. */
  dropped: boolean;
}

interface Call {
  readonly run: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The streams in memory: loaded when they are first named, forgotten when others were named more lately. Disposing closes
 * `names`.
 */
export class StreamTable implements Disposable {
  readonly #readers: ReaderPool;
  readonly #names: TakenNames;
  readonly #max: number;
  #entries = new Map<StreamKey, Entry>();
  readonly #byId = new Map<number, Entry>();

  constructor(readers: ReaderPool, names: TakenNames, max: number) {
    this.#readers = readers;
    this.#names = names;
    this.#max = max;
  }

  [Symbol.dispose](): void {
    this.#names[Symbol.dispose]();
  }

  /** The entry of a name; if its queue is not undefined, calls must wait in it. */
  entry(key: StreamKey): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const taken = this.#names.has(key);
    const entry: Entry = {
      key,
      state: undefined,
      grave: undefined,
      queue: taken ? [] : undefined,
      pending: 0,
      used: true,
      stale: false,
      loading: taken,
      dropped: false,
    };
    this.#entries.set(key, entry);
    if (taken) this.#load(entry);
    if (this.#entries.size > this.#max) this.#evict();
    return entry;
  }

  /** Runs a call for a name as soon as it is known, in the order of the calls. */
  on<T>(key: StreamKey, call: (entry: Entry) => Promise<T>): Promise<T> {
    const entry = this.entry(key);
    const { queue } = entry;
    if (queue === undefined) return call(entry);
    return new Promise((resolve, reject) => {
      queue.push({ run: () => void Promise.try(call, entry).then(resolve, reject), fail: reject });
    });
  }

  /** Keeps later calls for a name waiting until `release`. */
  hold(entry: Entry): void {
    entry.queue ??= [];
  }

  release(entry: Entry): void {
    const { queue } = entry;
    entry.queue = undefined;
    while (queue !== undefined && queue.length > 0) {
      queue.shift()?.run();
      // A call that holds the name itself takes those behind it along.
      if (entry.queue !== undefined) {
        (entry.queue as Call[]).push(...queue.splice(0));
        return;
      }
    }
  }

  put(entry: Entry, state: StreamState | undefined): void {
    if (entry.state !== undefined) this.#byId.delete(entry.state.id);
    entry.state = state;
    if (state !== undefined) this.#byId.set(state.id, entry);
  }

  /** Takes note of a trim; the key of the stream, if it is known here. */
  trimmed(trim: Trimmed): StreamKey | undefined {
    const entry = this.#byId.get(trim.stream);
    if (entry?.state !== undefined) {
      applyTrim(entry.state, trim);
      return entry.key;
    }
    for (const loading of this.#entries.values()) if (loading.queue !== undefined) loading.stale = true;
    return undefined;
  }

  /** Forgets everything: what was sequenced was not committed. Calls that wait for a fork fail with it. */
  forget(error: PlayheadError): void {
    const entries = [...this.#entries.values()];
    // A name that is being loaded had nothing under way: what comes is what was committed.
    this.#entries = new Map(entries.filter(({ loading }) => loading).map((entry) => [entry.key, entry]));
    this.#byId.clear();
    for (const entry of entries) {
      if (entry.loading) continue;
      entry.dropped = true;
      for (const { fail } of entry.queue?.splice(0) ?? []) fail(error);
    }
  }

  #load(entry: Entry): void {
    this.#readers.call({ kind: 'load', key: entry.key }).then(
      (answer) => {
        if (answer.kind !== 'loaded')
          throw new PlayheadError('internal', 'The reader of the log misunderstood.');
        if (entry.stale) {
          entry.stale = false;
          this.#load(entry);
          return;
        }
        entry.loading = false;
        this.put(entry, answer.stream === undefined ? undefined : stateOf(entry.key, answer.stream));
        entry.grave = answer.grave === undefined ? undefined : graveOf(answer.grave);
        this.release(entry);
      },
      (error: unknown) => {
        this.#entries.delete(entry.key);
        for (const { fail } of entry.queue?.splice(0) ?? []) fail(error);
      },
    );
  }

  /** A second chance for each: what was used since the last time stays, at least until the next. */
  #evict(): void {
    let tries = 64;
    for (const [key, entry] of this.#entries) {
      tries -= 1;
      if (tries === 0) return;
      this.#entries.delete(key);
      if (entry.used || entry.pending > 0 || entry.queue !== undefined) {
        entry.used = false;
        this.#entries.set(key, entry);
      } else {
        if (entry.state !== undefined) this.#byId.delete(entry.state.id);
        if (this.#entries.size <= this.#max) return;
      }
    }
  }
}
