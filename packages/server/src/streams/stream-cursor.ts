import type { Position } from '@playhead/protocol';
import { PlayheadError } from '@playhead/protocol';
import type { Exchange } from '../http/exchange.ts';
import { cursorOf } from './gateway.ts';

/**
 * Where a reader of our own faces wants to begin: `Last-Event-ID`, because only a reconnection sends it, before
 * `?after=`; `start`, `live` or a position. Undefined if it named nothing. Throws `invalid-position` (D-7: only
 * what is malformed is a 400).
 */
export function requestedCursor(exchange: Exchange): Position | 'start' | 'live' | undefined {
  const header = exchange.request.headers['last-event-id'];
  return cursorOf(typeof header === 'string' && header !== '' ? header : exchange.query.get('after'));
}

/**
 * The time at which a reader wants to begin, ms since 1970; undefined if it named none, or comes back with a position
 * (P-311). Throws `invalid-request` for what is no time, and for a time beside a position.
 */
export function requestedSince(exchange: Exchange): number | undefined {
  const text = exchange.query.get('since');
  const header = exchange.request.headers['last-event-id'];
  if (text === null || (header !== undefined && header !== '')) return undefined;
  const time = SINCE.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time) && !exchange.query.has('after')) return time;
  throw new PlayheadError('invalid-request', 'since is a time of ISO 8601 with its zone, without `after`.', {
    extensions: { parameter: 'since' },
  });
}

const SINCE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** A whole number from the query, within bounds. Throws `invalid-request` for anything else. */
export function queryNumber(exchange: Exchange, name: string, fallback: number, max: number): number {
  const text = exchange.query.get(name);
  if (text === null) return fallback;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new PlayheadError('invalid-request', `${name} is a whole number from 1 to ${max}.`, {
    extensions: { parameter: name },
  });
}
