import { type Clock, systemClock } from '../../runtime/clock.ts';
import type { EventLog } from '../event-log.ts';
import { RETENTION_DEFAULTS, type RetentionDefaults } from '../stream-settings.ts';
import { bootId } from './boot-id.ts';
import { lockFolder } from './folder-lock.ts';
import { SqliteLog } from './main-thread.ts';

export interface SqliteLogOptions {
  /** Made if it is not there, with mode 0700. One log at a time. */
  readonly folder: string;
  /** What an acknowledgement survives: `normal` the death of the process, `full` a power cut as well (D-3). */
  readonly sync?: 'normal' | 'full';
  readonly clock?: Clock;
  /** What applies where a stream's own rule says nothing. Default 7 days, 256 MiB. */
  readonly retention?: RetentionDefaults;
  /** Bytes in all streams together, beyond which the oldest events are trimmed. Default 2 GiB. */
  readonly totalBytes?: number;
  /** Bytes that the database may take on disk, beyond which appends fail with `storage-full`. Default: the disk. */
  readonly capacity?: number;
  /** Uncommitted bytes beyond which there is no room. Default 16 MiB. */
  readonly uncommittedBytes?: number;
  /** Threads that read. Default 1. */
  readonly readers?: number;
  /** How often retention begins a round, ms. Default 1,000. */
  readonly sweepEvery?: number;
  /** How many streams are kept in mind. Default 20,000. */
  readonly streamsInMemory?: number;
  /** Names this run of the machine. Default: what the operating system says. */
  readonly bootId?: string;
}

/**
 * Opens the durable log of a data folder. Rejects with `conflict` if another server has it open, with `internal`
 * if it is of a later format or damaged.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<EventLog> {
  const clock = options.clock ?? systemClock;
  const lock = lockFolder(options.folder);
  try {
    return await SqliteLog.open({
      clock,
      lock,
      data: {
        folder: options.folder,
        sync: options.sync ?? 'normal',
        capacity: options.capacity,
        bootId: options.bootId ?? bootId(),
        now: clock.now(),
        retention: options.retention ?? RETENTION_DEFAULTS,
        totalBytes: options.totalBytes ?? 2 ** 31,
      },
      readers: options.readers ?? 1,
      uncommittedBytes: options.uncommittedBytes ?? 16 * 2 ** 20,
      sweepEvery: options.sweepEvery ?? 1_000,
      streamsInMemory: options.streamsInMemory ?? 20_000,
    });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
