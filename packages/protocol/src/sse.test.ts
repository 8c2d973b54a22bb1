import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeSse, SseDecoder, type SseFrame, type SseMessage } from './sse.ts';

/** All that a decoder reports, in order. */
type Heard =
  | ({ readonly kind: 'message' } & SseMessage)
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'retry'; readonly ms: number };

interface Decoded {
  readonly heard: readonly Heard[];
  /** What a reconnection would send. */
  readonly lastEventId: string;
}

function decode(pieces: readonly string[]): Decoded {
  const heard: Heard[] = [];
  const decoder = new SseDecoder({
    onMessage: (message) => heard.push({ kind: 'message', ...message }),
    onComment: (text) => heard.push({ kind: 'comment', text }),
    onRetry: (ms) => heard.push({ kind: 'retry', ms }),
  });
  for (const piece of pieces) decoder.feed(piece);
  return { heard, lastEventId: decoder.lastEventId };
}

/** The standard's algorithm, word for word and as slow as it reads: the whole text at once, all lines split. */
function reference(text: string): Decoded {
  const heard: Heard[] = [];
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  lines.pop(); // what stands behind the last line end is no line
  let data = '';
  let event = '';
  let idBuffer = '';
  let lastEventId = '';
  for (const line of lines) {
    if (line === '') {
      lastEventId = idBuffer;
      if (data !== '')
        heard.push({ kind: 'message', event: event || 'message', data: data.slice(0, -1), lastEventId });
      data = '';
      event = '';
      continue;
    }
    const [, name = line, value = ''] = /^([^:]*):? ?([^]*)$/.exec(line) ?? [];
    if (line.startsWith(':')) heard.push({ kind: 'comment', text: value });
    else if (name === 'data') data += `${value}\n`;
    else if (name === 'event') event = value;
    else if (name === 'id' && !value.includes('\0')) idBuffer = value;
    else if (name === 'retry' && /^\d+$/.test(value)) heard.push({ kind: 'retry', ms: Number(value) });
  }
  return { heard, lastEventId };
}

/** Cuts a text or bytes at arbitrary places; equal cuts make empty pieces. */
function split<T extends { slice(from: number, to?: number): T; readonly length: number }>(
  whole: T,
  cuts: readonly number[],
): T[] {
  const places = cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b);
  return [...places, whole.length].map((place, i) => whole.slice(i === 0 ? 0 : (places[i - 1] ?? 0), place));
}

const cutting = fc.array(fc.nat(), { maxLength: 12 });
const everyCharacter = Array.from({ length: 2000 }, (_, i) => i);
const breaks = fc.constantFrom('\n', '\r', '\r\n');

const lines = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('', '', 'data: a', 'data:b', 'data', 'data:  two spaces', 'data: x: y'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'event: output',
      'event:',
      'event',
      'id: 1',
      'id:2',
      'id',
      'id: \0',
      'id: a\0b',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ':',
      ': note',
      ':note',
      'retry: 10',
      'retry: 1x',
      'retry:',
      'retry: -1',
      'other: 1',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'data: é',
      'data: 😀',
      'data: \u2028',
      '\ufeffdata: late mark',
      ' data: x',
      'DATA: x',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
);
const streams = fc
  .tuple(
    fc.constantFrom('', '\ufeff'),
    fc.array(fc.tuple(lines, breaks), { maxLength: 30 }),
    fc.constantFrom('', 'data: cut', 'id: 9'),
  )
  .map(([mark, ended, rest]) => mark + ended.map(([line, end]) => line + end).join('') + rest);

describe('SseDecoder', () => {
  test('P-22 agrees with the standard, however the text is split', () => {
    fc.assert(
      fc.property(streams, cutting, (text, cuts) => {
        expect(decode(split(text, cuts))).toEqual(reference(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('P-22 agrees with the standard one character at a time', () => {
    fc.assert(
      fc.property(streams, (text) => {
        expect(decode(split(text, everyCharacter.slice(0, text.length)))).toEqual(reference(text));
      }),
      { numRuns: 500 },
    );
  });

  test('P-22 agrees with the standard when bytes are split inside characters', () => {
    fc.assert(
      fc.property(streams, cutting, (text, cuts) => {
        const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
        const pieces = split(new TextEncoder().encode(text), cuts).map((bytes) =>
          utf8.decode(bytes, { stream: true }),
        );
        expect(decode(pieces)).toEqual(reference(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('P-24 a frame that was cut off moves neither the reader nor its id', () => {
    const cutOff = decode(['id: 1\nevent: output\ndata: a\n\n', 'id: 2\nevent: output\ndata: b\n']);
    expect(cutOff.heard).toHaveLength(1);
    expect(cutOff.lastEventId).toBe('1');
  });

  test('P-24 resuming at the id after a cut anywhere loses nothing and repeats nothing', () => {
    const frames = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(frames, fc.nat(), (texts, cut) => {
        const encoded = texts.map((data, i) => encodeSse({ id: String(i + 1), event: 'output', data }));
        const got: string[] = [];
        const decoder = new SseDecoder({ onMessage: ({ lastEventId }) => got.push(lastEventId) });
        const whole = encoded.join('');
        decoder.feed(whole.slice(0, cut % (whole.length + 1)));
        decoder.reset();
        decoder.feed(encoded.slice(Number(decoder.lastEventId)).join(''));
        expect(got).toEqual(texts.map((_, i) => String(i + 1)));
      }),
      { numRuns: 1000 },
    );
  });

  test('reset forgets the cut-off frame and its half of a CRLF, and keeps the id', () => {
    const got: SseMessage[] = [];
    const decoder = new SseDecoder({ onMessage: (message) => got.push(message) });
    decoder.feed('id: 7\ndata: a\n\nevent: x\ndata: cut\r');
    decoder.reset();
    decoder.feed('\ufeff\ndata: b\n\n');
    expect(got).toEqual([
      { event: 'message', data: 'a', lastEventId: '7' },
      { event: 'message', data: 'b', lastEventId: '7' },
    ]);
  });

  test('a retry beyond what a timer can wait is the longest wait, never an immediate one', () => {
    expect(decode(['retry: 99999999999999999999999\n']).heard).toEqual([{ kind: 'retry', ms: 2 ** 31 - 1 }]);
  });

  test('a line or an event over the limit is a RangeError, in one piece or in many', () => {
    const decoder = (): SseDecoder => new SseDecoder({ onMessage: () => undefined, maxLength: 20 });
    const many = decoder();
    expect(() => decoder().feed(`data: ${'x'.repeat(30)}\n`)).toThrow(RangeError);
    expect(() => decoder().feed('x'.repeat(21))).toThrow(RangeError);
    expect(() => decoder().feed('data: 12345\n'.repeat(5))).toThrow(RangeError);
    expect(() => {
      for (let i = 0; i < 30; i++) many.feed('x');
    }).toThrow(RangeError);
    const short = decoder();
    for (let i = 0; i < 50; i++) short.feed('data: 12345\n\n');
  });

  test('a long line in small pieces costs time in proportion to its length', () => {
    // Searching a growing line anew for each piece would read 2^43 characters here: no test time-out is that long.
    const got: number[] = [];
    const decoder = new SseDecoder({ onMessage: ({ data }) => got.push(data.length) });
    decoder.feed('data: ');
    for (let i = 0; i < 4 * 1024 * 1024; i++) decoder.feed('x');
    decoder.feed('\n\n');
    expect(got).toEqual([4 * 1024 * 1024]);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc
    .array(fc.constantFrom('\r', '\n', '\0', ' ', ':', 'data', 'id', 'event', 'x', '\r\n'), { maxLength: 8 })
    .map((p) => p.join('')),
);
const sseFrames: fc.Arbitrary<SseFrame> = fc.record(
  { id: anyText, event: anyText, data: anyText, retry: fc.nat(), comment: anyText },
  { requiredKeys: [] },
);
const withoutBreaks = (text: string): string => text.replaceAll(/[\r\n\0]/g, '');

describe('encodeSse', () => {
  test('P-21 what goes in comes out, however the bytes are split', () => {
    fc.assert(
      fc.property(fc.array(sseFrames, { maxLength: 8 }), cutting, (frames, cuts) => {
        let lastEventId = '';
        const expected: SseMessage[] = [];
        for (const frame of frames) {
          if (frame.id !== undefined) lastEventId = withoutBreaks(frame.id);
          if (frame.data === undefined) continue;
          const event = withoutBreaks(frame.event ?? '') || 'message';
          expected.push({ event, data: frame.data.replaceAll(/\r\n|\r/g, '\n'), lastEventId });
        }
        const utf8 = new TextDecoder();
        const bytes = new TextEncoder().encode(frames.map(encodeSse).join(''));
        const { heard } = decode(split(bytes, cuts).map((piece) => utf8.decode(piece, { stream: true })));
        expect(heard.filter(({ kind }) => kind === 'message')).toEqual(
          expected.map((m) => ({ kind: 'message', ...m })),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('P-23 nothing in an id, an event or a comment can begin a line of its own', () => {
    fc.assert(
      fc.property(sseFrames, (frame) => {
        const text = encodeSse(frame);
        expect(text).not.toContain('\r');
        const lines = text.split('\n');
        expect(lines.slice(-2)).toEqual(['', '']);
        const body = lines.slice(0, -2);
        for (const line of body) expect(line).toMatch(/^(?:: |retry: |id: |event: |data: )/);
        expect(body.filter((line) => line.startsWith('id: '))).toHaveLength(frame.id === undefined ? 0 : 1);
        expect(body.filter((line) => line.startsWith('event: '))).toHaveLength(
          frame.event === undefined ? 0 : 1,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('P-23 an id that tries to inject an event stays an id', () => {
    expect(encodeSse({ id: '1\nevent: complete\r\n\ndata: {}', data: 'a' })).toBe(
      'id: 1event: completedata: {}\ndata: a\n\n',
    );
  });

  test('CM-13 exactly one space behind the colon, LF, and a blank line at the end', () => {
    expect(encodeSse({ id: '5', event: 'output', data: '{"line":" x"}' })).toBe(
      'id: 5\nevent: output\ndata: {"line":" x"}\n\n',
    );
  });

  test('CM-14 the event stands before the data, whatever the order of the members', () => {
    const text = encodeSse({ data: 'a', event: 'output', id: '1', retry: 5, comment: 'c' });
    expect(text).toBe(': c\nretry: 5\nid: 1\nevent: output\ndata: a\n\n');
  });
});
