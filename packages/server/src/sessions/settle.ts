import type { EventLog, LogEvent } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';
import { allRecords, type Collection } from '../records/records.ts';
import type { Ending } from './ending.ts';
import { type SessionRecord, sessionRecordId } from './session-record.ts';

/** What settling needs to know of one kind of session. */
export interface SettleParts {
  readonly kind: string;
  readonly log: EventLog;
  readonly running: Collection<SessionRecord>;
  /** Ends what still goes on without the server. What could not be ended is its own to report. */
  reap(remains: unknown): Promise<void>;
  /** The last events of a session whose fate is unknown. `lastKnown`: when it last said something, ms since 1970. */
  lost(
    ending: Ending,
    record: SessionRecord,
    lastKnown: number,
  ): readonly LogEvent[] | Promise<readonly LogEvent[]>;
  /** Keeps the producer's own account. `last`: the stream's last event, null if the stream is gone. */
  record(ended: Settled): Promise<void>;
  failed(key: StreamKey, error: unknown): void;
}

export interface Settled {
  readonly key: StreamKey;
  readonly last: LogEvent | null;
  /** When that was written, ms since 1970. */
  readonly at: number;
}

/**
 * Settles what a crash left behind: every session that was recorded as running, and is not known to this process.
 * The log is the truth: a stream that was closed has its ending in its last event, whatever the record says; one
 * that was not gets an ending now, in one append with its close, and that is `lost`. What still runs is ended
 * first, so that nothing happens behind an ending.
 *
 * True if all were settled; what could not be (say, because the disk is full) stays recorded for another try.
 */
export async function settle(parts: SettleParts): Promise<boolean> {
  const { running, kind } = parts;
  let complete = true;
  for await (const { value } of allRecords(running, { prefix: `${kind}/` })) {
    try {
      await settleOne(parts, value);
    } catch (error) {
      complete = false;
      parts.failed(value.key, error);
    }
  }
  return complete;
}

async function settleOne(parts: SettleParts, record: SessionRecord): Promise<void> {
  const { log, running, kind } = parts;
  if (record.remains !== null) await parts.reap(record.remains);
  await parts.record(await close(parts, record));
  await log.retain(record.key, {});
  await running.delete(sessionRecordId(kind, record.key));
}

async function close(parts: SettleParts, record: SessionRecord): Promise<Settled> {
  const { log } = parts;
  const { key } = record;
  const bounds = await log.bounds(key);
  if (bounds === undefined) return { key, last: null, at: record.openedAt };
  const found = await lastEvent(log, key);
  if (bounds.closed) return { key, last: found?.event ?? null, at: found?.time ?? record.openedAt };
  const ending: Ending = { kind: 'lost', reason: 'The server stopped while this ran.' };
  const last = await parts.lost(ending, record, found?.time ?? record.openedAt);
  const appended = await log.append(key, last, { close: true });
  // Closed meanwhile by somebody else: then that is how it ended, and the next look sees it.
  if (appended.kind !== 'appended') return close(parts, record);
  return { key, last: last.at(-1) ?? null, at: appended.time };
}

async function lastEvent(
  log: EventLog,
  key: StreamKey,
): Promise<{ event: LogEvent; time: number } | undefined> {
  const bounds = await log.bounds(key);
  if (bounds === undefined || bounds.latest.offset === 0) return undefined;
  const before = { epoch: bounds.latest.epoch, offset: bounds.latest.offset - 1 };
  const slice = await log.read(key, before, { events: 1, bytes: 1 });
  if (slice.kind !== 'events') return undefined;
  const batch = slice.batches.at(-1);
  const event = batch?.events.at(-1);
  return batch === undefined || event === undefined ? undefined : { event, time: batch.time };
}
