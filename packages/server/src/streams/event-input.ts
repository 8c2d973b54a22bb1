import { PlayheadError } from '@playhead/protocol';
import type { LogEvent } from '../log/event-log.ts';

/** How many events one append takes. */
const EVENTS_PER_APPEND = 10_000;

const TYPE = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * Events out of parsed JSON; throws `invalid-request` naming what is wrong. Checked by hand: this is on the path of
 * every append, and a schema library takes longer than the append itself. `empty`: none at all is fine.
 */
export function eventsOf(value: unknown, empty: boolean): LogEvent[] {
  if (!Array.isArray(value) || (value.length === 0 && !empty) || value.length > EVENTS_PER_APPEND) {
    throw invalid(`events is a list of 1 to ${EVENTS_PER_APPEND} events.`);
  }
  return value.map((event, index) => eventOf(event, `events[${index}].`));
}

/** One event out of parsed JSON. `where` precedes the names of fields in messages. */
function eventOf(value: unknown, where: string): LogEvent {
  if (!isRecord(value)) throw invalid(`${where === '' ? 'The body' : where.slice(0, -1)} is not an object.`);
  const { type, data } = value;
  if (typeof type !== 'string' || !TYPE.test(type))
    throw invalid(`${where}type is 1 to 64 of A-Z a-z 0-9 . _ : -`);
  if (data === undefined) throw invalid(`${where}data is missing; it may be any JSON value, null too.`);
  return { type, data: JSON.stringify(data) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
