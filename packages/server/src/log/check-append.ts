import { PlayheadError } from '@playhead/protocol';
import type { AppendOptions, LogEvent } from './event-log.ts';

const TYPE = /^[A-Za-z0-9._:-]{1,64}$/;

/** The most events that one batch holds. */
const BATCH_MAX_EVENTS = 1_000_000;

/** The most data that one batch holds, in bytes, or characters of text: a batch is written and read whole. */
const BATCH_MAX_BYTES = 67_108_864;

/**
 * Refuses what no engine may store: throws `invalid-request` for a batch that is empty without closing the stream,
 * a type that is not one, a guard whose numbers are no numbers; `too-large` for a batch beyond the limit.
 */
export function checkAppend(events: readonly LogEvent[], options: AppendOptions): void {
  const { close = false, guard, ordinal } = options;
  if (events.length === 0 && !close) throw new PlayheadError('invalid-request', 'A batch needs an event.');
  if (events.length > BATCH_MAX_EVENTS) {
    throw new PlayheadError('too-large', `A batch holds at most ${BATCH_MAX_EVENTS} events.`);
  }
  checkEvents(events);
  if (ordinal !== undefined && ordinal.length > 256) {
    throw new PlayheadError('invalid-request', 'An ordinal is at most 256 characters.');
  }
  if (guard?.kind !== 'writer') return;
  if (guard.id.length === 0 || guard.id.length > 256) {
    throw new PlayheadError('invalid-request', 'A writer is named by 1 to 256 characters.');
  }
  if (!isCount(guard.epoch) || !isCount(guard.sequence)) {
    throw new PlayheadError('invalid-request', "A writer's epoch and sequence are whole numbers from 0.");
  }
}

/** Throws `invalid-request` for an event without data, or whose type is not one; `too-large` for too much data. */
export function checkEvents(events: readonly LogEvent[]): void {
  let known: string | undefined;
  let size = 0;
  for (const { type, data } of events) {
    if (data === null) throw new PlayheadError('invalid-request', 'An event needs data.');
    size += data.length;
    // Batches mostly repeat one type, and comparing is ten times cheaper than matching.
    if (type === known) continue;
    if (!TYPE.test(type)) {
      throw new PlayheadError('invalid-request', 'A type is 1 to 64 of A-Z a-z 0-9 . _ : -.');
    }
    known = type;
  }
  if (size > BATCH_MAX_BYTES) {
    throw new PlayheadError('too-large', `A batch holds at most ${BATCH_MAX_BYTES} bytes or characters.`);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
