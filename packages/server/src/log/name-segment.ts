import { hash } from 'node:crypto';

/** Longer than this, in characters of the result, an id is hashed. */
const LONGEST = 120;

const PLAIN = /^[A-Za-z0-9_-]+$/;

/**
 * A foreign id (a user's, a camera's) as one segment of a stream's name (D-4): every byte outside `[A-Za-z0-9_-]`
 * becomes `~hh`; what is then longer than 120 characters becomes `~~` and its SHA-256. Two ids never give the same
 * segment: a single `~` is always followed by two digits, so nobody can be named like another's hash. Throws a
 * RangeError for the empty id, which is nobody's, and for text that is no Unicode: half a surrogate pair has no bytes
 * of its own, so two such ids would share one name.
 */
export function nameSegment(id: string): string {
  if (id === '' || !id.isWellFormed()) throw new RangeError('This id has no name.');
  if (id.length <= LONGEST && PLAIN.test(id)) return id;
  let segment = '';
  for (const byte of Buffer.from(id, 'utf8')) {
    const character = String.fromCharCode(byte);
    segment += PLAIN.test(character) ? character : `~${byte.toString(16).padStart(2, '0')}`;
    if (segment.length > LONGEST) return `~~${hash('sha256', id, 'hex')}`;
  }
  return segment;
}

/** The id that a segment stands for; undefined for a hash, of which nobody can know. */
export function idOfSegment(segment: string): string | undefined {
  if (segment.startsWith('~~')) return undefined;
  if (!segment.includes('~')) return segment;
  const bytes = segment.replaceAll(/~([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
