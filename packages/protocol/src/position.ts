/**
 * Where a reader stands: an epoch (one unbroken history of a stream) and an offset (a dense number from 1
 * within it; 0 stands before the first event). On the wire it is one opaque token, e.g.
 * `01k9x2m4v7qhd3ts-e12345`: the epoch, a hyphen, the offset.
 *
 * Tokens of one stream sort as text in the order of their events. Epochs do because they begin with their
 * birth time; offsets do because a letter for the number of digits (`a` = 1 … `p` = 16) precedes the digits.
 */
export interface Position {
  readonly epoch: Epoch;
  readonly offset: number;
}

/** 16 characters of Crockford's base 32: 10 of milliseconds since 1970, 6 of randomness. Sorts by time. */
export type Epoch = string;

/** The longest token that any epoch and offset give, in characters (the promise is at most 40). */
export const POSITION_MAX_LENGTH = 34;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TOKEN = /^([0-9a-hjkmnp-tv-z]{16})-([a-p])(0|[1-9][0-9]{0,15})$/;
const DIGITS = 'abcdefghijklmnop';
const RANDOM_LIMIT = 2 ** 30;

/** The token of a position. Never throws for a position that came from a log. */
export function formatPosition(position: Position): string {
  return `${position.epoch}-${formatOffset(position.offset)}`;
}

/** The part of a token behind the hyphen: what changes from event to event. */
export function formatOffset(offset: number): string {
  const digits = String(offset);
  return (DIGITS[digits.length - 1] ?? 'p') + digits;
}

/** The position that a token names, or undefined if it is malformed (a 400 on our own faces). */
export function parsePosition(token: string): Position | undefined {
  const match = TOKEN.exec(token);
  if (match === null) return undefined;
  const [, epoch = '', length = '', digits = ''] = match;
  const offset = Number(digits);
  if (DIGITS[digits.length - 1] !== length || !Number.isSafeInteger(offset)) return undefined;
  return { epoch, offset };
}

/** Negative, zero or positive as `a` stands before, at or behind `b` in the same stream. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.offset - b.offset;
}

/**
 * An epoch born at `time` (ms since 1970, below 2^50). `random` is a whole number up to 2^30; two epochs of one
 * stream in one millisecond differ only by it, so a writer that needs order passes the last one plus 1. At
 * 2^30 it carries into the time: cutting it off would begin the order anew.
 */
export function formatEpoch(time: number, random: number): Epoch {
  return base32(time + Math.floor(random / RANDOM_LIMIT), 10) + base32(random % RANDOM_LIMIT, 6);
}

function base32(value: number, width: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < width; i++) {
    text = (ALPHABET[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
