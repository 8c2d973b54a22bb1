import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLineSplitter, LINE_LIMIT } from './line-splitter.ts';

interface Line {
  readonly line: string;
  readonly stream: string;
  readonly continues?: true;
}

/** What comes out when these reads come in, as JSON texts. */
function split(reads: readonly Uint8Array[], limit?: number): string[] {
  const splitter = createLineSplitter('stdout', limit);
  const batches = [...reads.map((read) => splitter.feed(read)), splitter.end()];
  const datas = batches.flatMap(({ events }) => events.map(({ data }) => String(data)));
  const actual = datas.reduce((sum, data) => sum + Buffer.byteLength(data), 0);
  const counted = batches.reduce((sum, batch) => sum + batch.bytes, 0);
  // U+0085, U+2028 and U+2029 count as what they were and as their escape.
  const breaks = datas.join('').match(/\\u(?:0085|202[89])/g)?.length ?? 0;
  expect(counted).toBeGreaterThanOrEqual(actual);
  expect(counted).toBeLessThanOrEqual(actual + 2 * breaks);
  return datas;
}

function lines(...reads: (string | Uint8Array)[]): string[] {
  return split(reads.map((read) => Buffer.from(read))).map((data) => (JSON.parse(data) as Line).line);
}

describe('lines', () => {
  test('CM-7 carry the line without its end, and the name of the output', () => {
    const splitter = createLineSplitter('stderr');
    expect(splitter.feed(Buffer.from('one\n')).events).toEqual([
      { type: 'output', data: '{"line":"one","stream":"stderr"}' },
    ]);
  });

  test('CM-8 end at LF; the last unterminated one is flushed at the end', () => {
    expect(lines('a\n', 'b', 'c\n\n', 'd')).toEqual(['a', 'bc', '', 'd']);
    expect(lines('a\n')).toEqual(['a']);
    expect(lines()).toEqual([]);
  });

  test('lose one CR before the LF, wherever the read was split, and no other', () => {
    expect(lines('a\r\nb\r', '\nc\rd\n\r\r\n\r', '\r', '\n', 'e\r')).toEqual([
      'a',
      'b',
      'c\rd',
      '\r',
      '\r',
      'e\r',
    ]);
  });

  test('keep what JSON must escape, and a byte order mark', () => {
    expect(lines('\ufeff"q" \\ \t \u001b[31m \u0000\n')).toEqual(['\ufeff"q" \\ \t \u001b[31m \u0000']);
  });

  test('D-10 hold no character raw that Python takes for the end of a line', () => {
    const [data = ''] = split([Buffer.from('a\u0085b\u2028c\u2029d\u000be\u001cf\n')]);
    expect(data).not.toMatch(/[\u0000-\u001f\u0085\u2028\u2029]/);
    expect((JSON.parse(data) as Line).line).toBe('a\u0085b\u2028c\u2029d\u000be\u001cf');
  });

  test('survive a character that is split over reads, and show invalid bytes as U+FFFD', () => {
    const bytes = Buffer.from('é€😀\n');
    expect(lines(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(['é€😀']);
    expect(lines(Uint8Array.of(0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82))).toEqual(['a\ufffdb', '\ufffd']);
  });
});

describe('D-10 a line over the limit', () => {
  test('CM-16 becomes several, each under 64 KiB as a data line whatever is escaped, and nothing is lost', () => {
    for (const unit of ['x', '\u0001', '"', '\u2028', 'é', '😀']) {
      const text = unit.repeat(Math.ceil(200_000 / unit.length));
      const texts = split([Buffer.from(`${text}\nnext\n`)]);
      for (const data of texts) expect(Buffer.byteLength(`data: ${data}\n`)).toBeLessThan(60 * 1024);
      const parsed = texts.map((data) => JSON.parse(data) as Line);
      expect(parsed.at(-1)).toEqual({ line: 'next', stream: 'stdout' });
      expect(
        parsed
          .slice(0, -1)
          .map(({ line }) => line)
          .join(''),
      ).toBe(text);
      expect(parsed.map(({ continues }) => continues ?? false)).toEqual(
        parsed.map((_, i) => i < parsed.length - 2),
      );
    }
  });

  test('of exactly the limit is one event', () => {
    expect(lines('x'.repeat(LINE_LIMIT), '\r\n')).toHaveLength(1);
    expect(lines('x'.repeat(LINE_LIMIT + 1), '\n')).toHaveLength(2);
  });
});

/** The same, seen all at once and written as plainly as possible. */
function model(bytes: Uint8Array, limit: number): string[] {
  const texts = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n');
  const unfinished = texts.pop() ?? '';
  const all = texts.map((text) => text.replace(/\r$/, ''));
  if (unfinished !== '') all.push(unfinished);
  return all.flatMap((line) => {
    const pieces = [''];
    for (const character of line) {
      const longer = `${pieces.at(-1) ?? ''}${character}`;
      if (encodedBytes(longer) > limit) pieces.push(character);
      else pieces[pieces.length - 1] = longer;
    }
    return pieces.map((piece, i) => {
      const value = { line: piece, stream: 'stdout', ...(i < pieces.length - 1 ? { continues: true } : {}) };
      return escaped(JSON.stringify(value));
    });
  });
}

function encodedBytes(text: string): number {
  return Buffer.byteLength(escaped(JSON.stringify(text))) - 2;
}

function escaped(json: string): string {
  return json.replace(/[\u0085\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const piece = fc.oneof(
  fc.constantFrom(
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '"',
    '\\',
    '\t',
    '\u0000',
    '\u0085',
    '\u2028',
    '😀',
    'é',
    '\ufeff',
    '\u007f',
  ),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const bytes = fc.oneof(
  fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join(''))),
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
);

test('D-10 arbitrary bytes under arbitrary splits give what a naive model gives', () => {
  fc.assert(
    fc.property(
      bytes,
      fc.array(fc.nat(), { maxLength: 30 }),
      fc.constantFrom(6, 7, 13, 64, LINE_LIMIT),
      (all, at, limit) => {
        const cuts = [...new Set(at.map((n) => n % (all.length + 1)))].sort((a, b) => a - b);
        const reads = [...cuts, all.length].map((end, i) => all.subarray(cuts[i - 1] ?? 0, end));
        expect(split(reads, limit)).toEqual(model(all, limit));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('D-14 of a line that ends as terminals end it one CR is taken, whatever else the read holds', () => {
  const lines = (text: string): unknown[] => {
    const { events } = createLineSplitter('stdout').feed(Buffer.from(text));
    return events.map(({ data }) => (JSON.parse(String(data)) as { line: string }).line);
  };
  expect(lines('one\r\ntwo\r\n\r\n')).toEqual(['one', 'two', '']);
  expect(lines('a\r\r\nb\rc\r\n')).toEqual(['a\r', 'b\rc']);
  expect(lines('\x1b[1mx\r\r\ny\r\n')).toEqual(['\x1b[1mx\r', 'y']);
});
