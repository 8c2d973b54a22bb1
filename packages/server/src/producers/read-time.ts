import { PlayheadError } from '@playhead/protocol';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** ms since 1970: a whole number of them, or ISO 8601 with its zone. Throws `invalid-request`. */
export function readTime(name: string, text: string): number {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new PlayheadError('invalid-request', `${name} is a time: ms since 1970, or ISO 8601 with its zone.`, {
    extensions: { parameter: name },
  });
}
