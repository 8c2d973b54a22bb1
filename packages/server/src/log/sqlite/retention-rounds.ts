import type { Clock } from '../../runtime/clock.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { FromWriter, Trimmed } from './messages.ts';

/**
 * To look at a stream takes the writer some hundredths of a millisecond. Where there are many, it rests so long for each,
 * ms, so that they do not keep it from commits; in all at most so long, ms: what is over a bound must go.
 */
const REST = 3;
const REST_MAX = 10_000;
const MANY = 1_000;

type Swept = Extract<FromWriter, { kind: 'swept' }>;

/** Called for what a round found. */
export interface RoundResults {
  trimmed(trim: Trimmed): void;
  expired(key: string): void;
}

/**
 * Asks the writer for retention, round after round, bite after bite: the next bite is asked for when the last is
 * done, behind whatever group was handed over meanwhile, so bites and commits take turns. A round over many streams is
 * followed by a rest. Also writes down when
 * streams with a ttl were last used: once a round, since every read would otherwise be a write.
 */
export class RetentionRounds implements Disposable {
  readonly #queue: CommitQueue;
  readonly #clock: Clock;
  readonly #results: RoundResults;
  readonly #timer: Disposable;
  readonly #touched = new Map<number, number>();
  #going = false;
  /** A round was due while one was going on. */
  #again = false;
  /** Streams that the round has looked at so far. */
  #looked = 0;
  /** No round begins before this time. */
  #rest = 0;
  #disposed = false;

  constructor(queue: CommitQueue, clock: Clock, every: number, results: RoundResults) {
    this.#queue = queue;
    this.#clock = clock;
    this.#results = results;
    this.#timer = clock.every(every, () => this.begin());
  }

  begin(): void {
    if (this.#disposed) return;
    this.#writeTouched();
    if (this.#going) {
      this.#again = true;
      return;
    }
    const now = this.#clock.now();
    if (now < this.#rest) return;
    this.#going = true;
    this.#queue.sweep(now, true);
  }

  swept({ trimmed, expired, looked, more }: Swept): void {
    const now = this.#clock.now();
    this.#looked += looked;
    this.#going = more && !this.#disposed;
    if (this.#going) this.#queue.sweep(now, false);
    else {
      this.#rest = this.#looked < MANY ? 0 : now + Math.min(REST_MAX, REST * this.#looked);
      this.#looked = 0;
    }
    for (const trim of trimmed) this.#results.trimmed(trim);
    if (this.#disposed) return;
    for (const key of expired) this.#results.expired(key);
    if (this.#going || !this.#again) return;
    this.#again = false;
    this.begin();
  }

  /** A stream was used at `time`. */
  touch(id: number, time: number): void {
    this.#touched.set(id, time);
  }

  untouch(id: number): void {
    this.#touched.delete(id);
  }

  forget(): void {
    this.#touched.clear();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#writeTouched();
    this.#disposed = true;
  }

  #writeTouched(): void {
    if (this.#touched.size === 0) return;
    for (const [id, time] of this.#touched) this.#queue.change({ op: 'touch', id, time });
    this.#touched.clear();
    // A failure costs no more than a stream that expires as if it had not been used since the last round.
    this.#queue.wait({ committed: () => undefined, failed: () => undefined });
  }
}
