import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeEvents,
  encodeRow,
  eraseFromRow,
  proveRow,
  ROW_HEADER,
  rowAfter,
  rowAt,
  sealRow,
} from './batch-codec.ts';
import { ByteSink } from './byte-sink.ts';
import { CHAIN_START, verifyBatches } from './chain.ts';
import type { LogEvent } from './event-log.ts';

const type = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('x'.repeat(300), 'é'.repeat(40_000)),
);
const event: fc.Arbitrary<LogEvent> = fc.record({
  type: fc.oneof(fc.constant('line'), type),
  data: fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.uint8Array() }),
});
const ascii: fc.Arbitrary<LogEvent> = fc.record({ type: fc.constant('line'), data: fc.string() });
const batch = fc.oneof(
  fc.array(event, { minLength: 1, maxLength: 30 }),
  fc.array(ascii, { minLength: 1, maxLength: 30 }),
);

test('a batch decodes to what was encoded, from any place to any other', () => {
  fc.assert(
    fc.property(batch, fc.nat(), fc.nat(), fc.nat(1e6), (events, a, b, padding) => {
      const sink = new ByteSink(new ArrayBuffer(16));
      sink.reserve(padding % 100);
      sink.length = padding % 100;
      const at = sink.length;
      encodeRow(sink, 7, 1234.5, events);
      const row = rowAt(sink.view, at);
      expect(row).toMatchObject({ first: 7, time: 1234.5, count: events.length, length: sink.length - at });
      expect(row.length).toBeGreaterThan(ROW_HEADER);
      const from = a % events.length;
      const to = from + 1 + (b % (events.length - from));
      expect(decodeEvents(sink.bytes, sink.view, row, from, to)).toEqual(events.slice(from, to));
    }),
  );
});

test('D-5 a sealed batch proves itself from any place, also after events were erased', () => {
  fc.assert(
    fc.property(batch, fc.nat(), fc.array(fc.nat(), { maxLength: 3 }), (events, a, erased) => {
      let sink = new ByteSink(new ArrayBuffer(16));
      encodeRow(sink, 1, 5, events);
      const head = sealRow(
        sink.bytes,
        sink.view,
        rowAt(sink.view, 0),
        new Uint8Array(16).fill(a),
        CHAIN_START,
      );
      const gone = new Set(erased.map((index) => index % events.length));
      for (const index of gone) {
        const next = new ByteSink(new ArrayBuffer(16));
        eraseFromRow(next, sink.bytes, sink.view, rowAt(sink.view, 0), index);
        sink = next;
      }
      const row = rowAt(sink.view, 0);
      expect(rowAfter(sink.bytes, 0)).toBe(head);
      const from = a % events.length;
      const left = events.map((item, index) => (gone.has(index) ? { ...item, data: null } : item));
      expect(decodeEvents(sink.bytes, sink.view, row, 0, events.length)).toEqual(left);
      const proof = proveRow(sink.bytes, sink.view, row, CHAIN_START, from, events.length);
      const read = { epoch: 'e', first: 1 + from, time: 5, events: left.slice(from), proof };
      expect(verifyBatches([read])).toEqual({ kind: 'intact', events: events.length - from, head });
    }),
    { numRuns: 60 },
  );
});

test('a lone half of a surrogate pair becomes U+FFFD and never joins its neighbour', () => {
  const sink = new ByteSink(new ArrayBuffer(16));
  encodeRow(sink, 1, 5, [
    { type: 't', data: 'a\ud83d' },
    { type: 't', data: '\udc00b' },
  ]);
  const events = decodeEvents(sink.bytes, sink.view, rowAt(sink.view, 0), 0, 2);
  expect(events.map(({ data }) => data)).toEqual(['a\ufffd', '\ufffdb']);
});

test('more types than an index can name', () => {
  const events = Array.from({ length: 70_000 }, (_, index) => ({ type: `t${index}`, data: '' }));
  const sink = new ByteSink(new ArrayBuffer(16));
  encodeRow(sink, 1, 5, events);
  expect(decodeEvents(sink.bytes, sink.view, rowAt(sink.view, 0), 69_998, 70_000)).toEqual(events.slice(-2));
});
