import type { Clock } from '../../runtime/clock.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { FromWriter, Trimmed } from './messages.ts';

type Swept = Extract<FromWriter, { kind: 'swept' }>;

/** Called for what a round found. */
export interface RoundResults {
  trimmed(trim: Trimmed): void;
  expired(key: string): void;
}

/**
 * Asks the writer for retention, round after round, bite after bite: the next bite is asked for when the last is
 * done, behind whatever group was handed over meanwhile, so bites and commits take turns. Also writes down when
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
    this.#going = true;
    this.#queue.sweep(this.#clock.now(), true);
  }

  swept({ trimmed, expired, more }: Swept): void {
    this.#going = more && !this.#disposed;
    if (this.#going) this.#queue.sweep(this.#clock.now(), false);
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
