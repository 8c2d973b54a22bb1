import { PlayheadError } from '@playhead/protocol';
import { type StreamKey, streamKeyOf } from '../stream-key.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Parent } from './messages.ts';
import type { StreamState } from './stream-state.ts';
import type { Entry, StreamTable } from './stream-table.ts';

/**
 * Who was forked from whom, as sequenced, and which names are taken because of it (L9). Forks are kept as sets of ids,
 * not as counts: what is loaded may be from before or behind a change that is under way, and either is then right.
 */
export class Forks {
  readonly #table: StreamTable;
  readonly #queue: CommitQueue;

  constructor(table: StreamTable, queue: CommitQueue) {
    this.#table = table;
    this.#queue = queue;
  }

  /** Decides on a fork when its source is known. What is asked of the target meanwhile comes after that. */
  async between<T>(source: StreamKey, target: Entry, decide: (origin: Entry) => Promise<T>): Promise<T> {
    this.#table.hold(target);
    const decided = this.#table.on(source, async (origin) => {
      try {
        if (target.dropped)
          throw new PlayheadError('internal', 'What the fork follows could not be written.');
        return { answer: decide(origin) };
      } finally {
        this.#table.release(target);
      }
    });
    return (await decided).answer;
  }

  /** A fork with the id `fork` was made of the stream of `source`. */
  made(source: Entry, fork: number): void {
    source.state?.forks.add(fork);
    this.#pin(source);
  }

  /** Takes a stream out of the table, and its name too unless it has forks. */
  remove(entry: Entry, { id, forks, parent }: StreamState): void {
    this.#table.put(entry, undefined);
    if (forks.size > 0) {
      this.#queue.change({ op: 'bury', id });
      entry.grave = { id, forks, parent };
    } else {
      this.#queue.change({ op: 'delete', id });
      this.#left(parent, id);
    }
  }

  /** Gives the name of a grave free, if no fork is left. */
  release(entry: Entry): void {
    const { grave } = entry;
    if (grave === undefined || grave.forks.size > 0) return;
    entry.grave = undefined;
    this.#queue.change({ op: 'release', id: grave.id });
    this.#pin(entry);
    this.#left(grave.parent, grave.id);
  }

  /** A fork is gone, and with it perhaps the last reason why the name of its source is taken. */
  #left(parent: Parent | undefined, fork: number): void {
    if (parent === undefined) return;
    const told = this.#table.on(streamKeyOf(parent.key), async (source) => {
      const { state, grave } = source;
      if (state?.id === parent.id) state.forks.delete(fork);
      if (grave?.id === parent.id) grave.forks.delete(fork);
      this.#pin(source);
      this.release(source);
    });
    // A source that could not be read is seen again by the next round of retention.
    told.catch(() => undefined);
  }

  /** Keeps what is known of a name until what was asked for so far is committed: read before, it would be the old. */
  #pin(entry: Entry): void {
    entry.pending += 1;
    const unpin = (): void => void (entry.pending -= 1);
    this.#queue.wait({ committed: unpin, failed: unpin });
  }
}
