import { PlayheadError } from '@playhead/protocol';

/** The longest path that is looked at, in characters. The longest that means anything has about 300. */
const PATH_MAX_LENGTH = 2048;

/** Anything that could be read in two ways. A path without these is taken as it stands. */
const SUSPICIOUS = /[%\\#\0]|\/\/|\/\.{1,2}(?:\/|$)/;

/**
 * Behind this comes the name of a stream as one percent-encoded text, by the Durable Streams protocol: the one place where
 * a segment may hold an encoded `/`. What is behind it is data of that route's handler, and decides nothing else.
 */
const NAME_BEHIND = /^\/v1\/stream\/__ds\/subscriptions\/[^/%]+\/streams\//;

/**
 * The path of a request target, without its query, refused if two readers could take it for different paths.
 * Authentication, routing and handlers all see this one text, percent-decoded once, segment by segment: a route
 * that is guarded cannot be reached by a spelling that the guard reads differently.
 *
 * Throws `invalid-request` for a target that is no absolute path, for empty, `.` and `..` segments (encoded or
 * not), for an encoded `/`, `\` or control character, for percent signs that encode nothing, and for length.
 */
export function requestPath(target: string): string {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  if (path.charCodeAt(0) !== 47) throw malformed('The request target must be a path.');
  if (path.length > PATH_MAX_LENGTH) throw malformed(`The path is over ${PATH_MAX_LENGTH} characters.`);
  if (SUSPICIOUS.test(path)) checkSegments(path);
  return path;
}

function checkSegments(path: string): void {
  if (/[\\#\0]/.test(path)) throw malformed('The path holds a character that must be encoded.');
  const slashes = NAME_BEHIND.test(path) ? /%2f/gi : undefined;
  const segments = (slashes === undefined ? path : path.replace(slashes, '/')).split('/').slice(1);
  segments.forEach((segment, index) => {
    // A single empty segment at the end is a trailing slash: a path of its own, not an ambiguity.
    if (segment === '' && index < segments.length - 1) throw malformed('The path holds an empty segment.');
    const decoded = decode(segment);
    if (decoded === '.' || decoded === '..') throw malformed('The path holds a dot segment.');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[/\\\u0000-\u001f\u007f]/.test(decoded))
      throw malformed('The path encodes a separator or control character.');
  });
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new PlayheadError('invalid-request', 'The path is not valid percent-encoding.', { cause });
  }
}

function malformed(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
