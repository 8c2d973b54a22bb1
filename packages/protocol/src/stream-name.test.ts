import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isStreamName, kindOf, STREAM_NAME_MAX_LENGTH } from './stream-name.ts';

const CHARACTERS = 'ABCXYZabcxyz0189._~-'.split('');
const segment = fc
  .array(fc.constantFrom(...CHARACTERS), { minLength: 1, maxLength: 20 })
  .map((characters) => characters.join(''))
  .filter((name) => name !== '.' && name !== '..');

describe('stream names', () => {
  test('D-4 segments of the allowed characters make a name', () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const name = segments.join('/');
        expect(isStreamName(name)).toBe(true);
        expect(kindOf(name)).toBe(segments[0]);
      }),
    );
  });

  test('D-4 whatever is a name is also the same path after URL normalisation', () => {
    const rough = fc
      .array(fc.constantFrom('a', 'B', '.', '..', '/', '~', '-', '_', '%', '\\', ' ', '?', '#', 'é', '\n'), {
        maxLength: 12,
      })
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(rough, (text) => {
        if (!isStreamName(text)) return;
        expect(new URL(`http://host/${text}`).pathname).toBe(`/${text}`);
        expect(encodeURI(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['empty', ''],
    ['a trailing slash', 'commands/'],
    ['a leading slash', '/commands/a'],
    ['an empty segment', 'commands//a'],
    ['a dot', 'commands/./a'],
    ['two dots', 'commands/../a'],
    ['two dots at the end', 'commands/..'],
    ['two dots at the beginning', '../commands'],
    ['a percent escape', 'commands/%2e%2e'],
    ['a backslash', 'commands\\a'],
    ['a colon, which parts tenant and name', 'other:commands/a'],
    ['a newline behind it', 'commands/a\n'],
    ['a character outside ASCII', 'commands/é'],
    ['NUL', 'commands/a\0'],
  ])('D-4 refused: %s', (_, text) => {
    expect(isStreamName(text)).toBe(false);
  });

  test('D-4 three dots are a name like any other', () => {
    expect(isStreamName('commands/...')).toBe(true);
    expect(isStreamName('commands/.a')).toBe(true);
  });

  test('D-4 256 bytes are allowed, 257 are not', () => {
    const name = (length: number): string => `k/${'a'.repeat(length - 2)}`;
    expect(isStreamName(name(STREAM_NAME_MAX_LENGTH))).toBe(true);
    expect(isStreamName(name(STREAM_NAME_MAX_LENGTH + 1))).toBe(false);
  });

  test('D-4 a long text is refused quickly, whatever it holds', () => {
    for (const unit of ['a/', '/', '.', '../', 'a']) expect(isStreamName(unit.repeat(1_000_000))).toBe(false);
  });
});
