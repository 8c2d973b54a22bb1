import { randomInt } from 'node:crypto';

/** Cursors count intervals of 20 s since 2024-10-09, as the protocol proposes. */
const EPOCH = Date.UTC(2024, 9, 9);
const INTERVAL_MS = 20_000;
/** An hour of intervals: how far a cursor may be moved on. */
const JITTER = 180;
const SEED = randomInt(2 ** 31);

/** The present interval's number. `now` is ms since 1970. */
function presentCursor(now: number): number {
  return Math.floor((now - EPOCH) / INTERVAL_MS);
}

/**
 * The number that an answer's cursor is at least, for a reader that sent one: greater than what it sent if that is not
 * in the past, since caches would else give it the same answer for ever; 0 for any other. How much greater is random,
 * but the same for all who sent the same, so that their next requests are again one for a cache.
 */
export function cursorFloor(sent: string | null, now: number): number {
  if (sent === null || !/^[0-9]{1,15}$/.test(sent)) return 0;
  const number = Number(sent);
  if (number < presentCursor(now)) return 0;
  return number + 1 + (((Math.imul(number % 2 ** 31, 0x9e3779b1) + SEED) >>> 0) % JITTER);
}

export function cursorText(floor: number, now: number): string {
  return String(Math.max(floor, presentCursor(now)));
}
