import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, LogEvent } from '../../log/event-log.ts';
import { FrameDecoder, type Incoming } from './frame-decoder.ts';
import { sharedEncoding } from './socket-encoding.ts';

const EPOCH = '0123456789abcdef';

/** Reads a server's frames with the decoder of a client's, which wants them masked: by zeros. */
function decode(bytes: Uint8Array): Incoming[] {
  const frames: Buffer[] = [];
  let at = 0;
  const all = Buffer.from(bytes);
  while (at < all.length) {
    const short = (all[at + 1] ?? 0) & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
    const copy = Buffer.from(all.subarray(at, at + head));
    copy[1] = (copy[1] ?? 0) | 0x80;
    frames.push(copy, Buffer.alloc(4), all.subarray(at + head, at + head + length));
    at += head + length;
  }
  return [...new FrameDecoder(1 << 24).feed(Buffer.concat(frames))];
}

type Seen = { position: string; type: string; data: unknown };

function eventsIn(incoming: Incoming): Seen[] {
  if (incoming.kind === 'text') {
    const message = JSON.parse(incoming.data.toString()) as { type: string; stream: string; events: Seen[] };
    expect(message).toMatchObject({ type: 'events', stream: 'test/one' });
    return message.events.map(({ position, type, data }) => ({ position, type, data }));
  }
  if (incoming.kind !== 'binary') throw new Error(incoming.kind);
  const end = 2 + incoming.data.readUInt16BE(0);
  const { position, type } = JSON.parse(incoming.data.subarray(2, end).toString()) as Seen;
  return [{ position, type, data: [...incoming.data.subarray(end)] }];
}

describe('socketEncoding', () => {
  it('P-105 P-106 gives every event in order, text and bytes in any mixture, as whole frames', () => {
    const event: fc.Arbitrary<LogEvent> = fc.record({
      type: fc.constantFrom('a', 'b'),
      data: fc.oneof(
        fc.jsonValue().map((value) => JSON.stringify(value)),
        fc.uint8Array({ maxLength: 200 }),
      ),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(event, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
        (batches) => {
          const encoding = sharedEncoding('test/one');
          let first = 1;
          const expected: unknown[] = [];
          const parts = batches.map((events) => {
            const batch: Batch = { epoch: EPOCH, first, time: 0, events };
            for (const { data } of events) {
              expected.push(typeof data === 'string' ? (JSON.parse(data) as unknown) : [...(data ?? [])]);
            }
            first += events.length;
            return encoding.encode(batch);
          });
          const frames = decode(encoding.frame(parts));
          expect(frames.flatMap(eventsIn).map(({ data }) => data)).toEqual(expected);
          if (batches.flat().every(({ data }) => typeof data === 'string')) expect(frames).toHaveLength(1);
        },
      ),
    );
  });

  it('P-13 shows what was erased', () => {
    const encoding = sharedEncoding('test/one');
    const batch: Batch = { epoch: EPOCH, first: 7, time: 0, events: [{ type: 'a', data: null }] };
    const [frame] = decode(encoding.frame([encoding.encode(batch)]));
    expect(frame?.kind === 'text' && JSON.parse(frame.data.toString())).toMatchObject({
      events: [{ position: `${EPOCH}-a7`, data: null, redacted: true }],
    });
  });
});
