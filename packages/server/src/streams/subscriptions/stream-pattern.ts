import { isStreamName } from '@playhead/protocol';

/** Which streams a pattern takes in. */
export interface StreamPattern {
  /** What all of them begin with, as far as the pattern says. */
  readonly prefix: string;
  matches(name: string): boolean;
}

const MAX_LENGTH = 256;

/**
 * Reads a pattern over names of streams: `*` stands for one segment, `**` for any number of them, none too; every other
 * segment for itself. Undefined if it is none.
 */
export function streamPattern(text: string): StreamPattern | undefined {
  const segments = text.split('/');
  const literals = segments.filter((segment) => segment !== '*' && segment !== '**');
  if (text === '' || text.length > MAX_LENGTH || !literals.every(isStreamName)) return undefined;
  const wild = segments.findIndex((segment) => segment === '*' || segment === '**');
  // `a/**` takes in `a` itself, so the slash is no part of what all begin with.
  const before = segments.slice(0, wild).join('/');
  const prefix = wild === -1 ? text : before === '' || segments[wild] === '**' ? before : `${before}/`;
  return { prefix, matches: (name) => matches(segments, name.split('/')) };
}

/**
 * Whether segments fit a pattern. Only the last `**` that was passed needs to be tried again when something does not fit,
 * so the time is at most the product of both lengths, whatever the pattern.
 */
function matches(pattern: readonly string[], name: readonly string[]): boolean {
  let p = 0;
  let n = 0;
  let again: { readonly p: number; n: number } | undefined;
  while (n < name.length) {
    const wanted = pattern[p];
    if (wanted === '**') {
      again = { p: ++p, n };
    } else if (wanted !== undefined && (wanted === '*' || wanted === name[n])) {
      p += 1;
      n += 1;
    } else if (again !== undefined) {
      again.n += 1;
      ({ p, n } = again);
    } else return false;
  }
  while (pattern[p] === '**') p += 1;
  return p === pattern.length;
}
