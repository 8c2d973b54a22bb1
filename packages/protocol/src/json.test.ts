import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeLineBreaks, jsonLine } from './json.ts';

/** Every character at which `splitlines` of Python, or a reader of SSE, ends a line. */
const LINE_ENDS = ['\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\u0085', '\u2028', '\u2029'];

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...LINE_ENDS),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('\\', '"'),
    ),
  )
  .map((pieces) => pieces.join(''));
const values = fc.letrec((tie) => ({
  value: fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
})).value;

describe('JSON on one line', () => {
  test('D-10 keeps the value and leaves no character that ends a line', () => {
    fc.assert(
      fc.property(values, (value) => {
        const line = jsonLine(value);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
        for (const end of LINE_ENDS) expect(line).not.toContain(end);
      }),
    );
  });

  test('D-10 the same text gives the same line, however often it is asked for', () => {
    const json = JSON.stringify('a\u0085b\u2028c\u2029');
    for (let i = 0; i < 3; i++) expect(escapeLineBreaks(json)).toBe('"a\\u0085b\\u2028c\\u2029"');
    expect(escapeLineBreaks('"plain"')).toBe('"plain"');
  });

  test('what JSON cannot say is null, never the word undefined or a crash', () => {
    expect(jsonLine(undefined)).toBe('null');
    expect(jsonLine(() => 1)).toBe('null');
  });

  test('a lone surrogate is escaped, so that it survives UTF-8', () => {
    expect(jsonLine('\ud800')).toBe('"\\ud800"');
  });
});
