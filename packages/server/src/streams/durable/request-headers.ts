import type { IncomingHttpHeaders } from 'node:http';
import { invalid } from './refusal.ts';

/** Present only where it says `true`; any other value is as good as none. */
export function wantsClosed(headers: IncomingHttpHeaders): boolean {
  const value = headers['stream-closed'];
  return typeof value === 'string' && value.toLowerCase() === 'true';
}

/** A header that comes at most once; undefined without it. */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

const WHOLE = /^(?:0|[1-9][0-9]{0,15})$/;

/** A header that is a whole number from 0, in its one spelling. Throws `invalid-request` for any other text. */
export function headerNumber(headers: IncomingHttpHeaders, name: string): number | undefined {
  const text = headerText(headers, name);
  if (text === undefined) return undefined;
  const value = WHOLE.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw invalid(`${name} is a whole number from 0 to 2^53 − 1, without sign, point or leading zeros.`);
}

/** How long a stream lives. */
export interface Lifetime {
  /** ms since it was last read or written. */
  readonly ttl?: number;
  /** ms since 1970. */
  readonly expiresAt?: number;
}

const LONGEST_TTL = 2 ** 43;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Throws `invalid-request` for what is malformed, and for both kinds at once. */
export function lifetimeIn(headers: IncomingHttpHeaders): Lifetime {
  return lifetimeOf(headerNumber(headers, 'stream-ttl'), headerText(headers, 'stream-expires-at'));
}

/** The same out of whole seconds and of a time as in RFC 3339. */
export function lifetimeOf(seconds: number | undefined, expires: string | undefined): Lifetime {
  if (seconds !== undefined && expires !== undefined) {
    throw invalid('A stream has Stream-TTL or Stream-Expires-At, not both.');
  }
  if (seconds !== undefined) {
    if (seconds > LONGEST_TTL) throw invalid('Stream-TTL is too long.');
    return { ttl: seconds * 1000 };
  }
  if (expires === undefined) return {};
  const expiresAt = RFC_3339.test(expires) ? Date.parse(expires) : Number.NaN;
  if (Number.isNaN(expiresAt) || expiresAt < 0) throw invalid('Stream-Expires-At is a time as in RFC 3339.');
  return { expiresAt };
}

const CONTENT_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(?:\s*;.{0,100})?$/;

/** The content type of a request; undefined if it has none. Throws `invalid-request` for one that is malformed. */
export function contentTypeIn(headers: IncomingHttpHeaders): string | undefined {
  const text = headers['content-type'];
  return text === undefined || text === '' ? undefined : checkedContentType(text);
}

/** Throws `invalid-request` for what is no content type. */
export function checkedContentType(text: string): string {
  if (text === 'application/json' || CONTENT_TYPE.test(text)) return text;
  throw invalid('Content-Type is not a media type.');
}
