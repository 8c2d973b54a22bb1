import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder, FrameError, type Incoming } from './frame-decoder.ts';
import { encodeClose, encodeFrame, encodeText, OPCODE } from './frame-encoder.ts';

/** A frame as a client sends it: masked, with any head bits. */
function clientFrame(
  opcode: number,
  payload: Buffer,
  { final = true, rsv = 0, mask = [1, 2, 3, 4] } = {},
): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended);
  head[0] = (final ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.from(mask), payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))]);
}

function decode(bytes: Buffer, cuts: readonly number[] = [], maxLength = 1 << 20): Incoming[] {
  const decoder = new FrameDecoder(maxLength);
  const seen: Incoming[] = [];
  let start = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    seen.push(...decoder.feed(bytes.subarray(start, cut)));
    start = Math.max(start, cut);
  }
  seen.push(...decoder.feed(bytes.subarray(start)));
  return seen;
}

function refused(bytes: Buffer, maxLength?: number): number | undefined {
  try {
    decode(bytes, [], maxLength);
    return undefined;
  } catch (error) {
    return error instanceof FrameError ? error.closeCode : -1;
  }
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000).map((size) => new Uint8Array(size).fill(7)),
);

describe('FrameDecoder', () => {
  it('gives the same messages however the bytes are split, fragments and control frames in between', () => {
    const message = fc.record({
      parts: fc.array(payload, { minLength: 1, maxLength: 4 }),
      pings: fc.array(fc.uint8Array({ maxLength: 125 }), { maxLength: 2 }),
      mask: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.array(fc.nat(70_000), { maxLength: 20 }),
        (messages, cuts) => {
          const frames: Buffer[] = [];
          const expected: Incoming[] = [];
          for (const { parts, pings, mask } of messages) {
            parts.forEach((part, i) => {
              const final = i === parts.length - 1;
              frames.push(clientFrame(i === 0 ? OPCODE.binary : 0, Buffer.from(part), { final, mask }));
              if (final) return;
              for (const ping of pings) {
                frames.push(clientFrame(OPCODE.ping, Buffer.from(ping), { mask }));
                expected.push({ kind: 'ping', data: Buffer.from(ping) });
              }
            });
            expected.push({ kind: 'binary', data: Buffer.concat(parts) });
          }
          const bytes = Buffer.concat(frames);
          const seen = decode(
            bytes,
            cuts.map((cut) => Math.min(cut, bytes.length)),
          );
          expect(seen.length).toBe(expected.length);
          seen.forEach((incoming, i) => {
            const wanted = expected[i];
            expect(incoming.kind).toBe(wanted?.kind);
            if (incoming.kind !== 'close' && wanted?.kind !== 'close' && wanted !== undefined) {
              expect(incoming.data.equals(wanted.data)).toBe(true);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes every byte by itself', () => {
    const bytes = Buffer.concat([
      clientFrame(OPCODE.text, Buffer.from('grüße ☂')),
      clientFrame(OPCODE.pong, Buffer.from('x')),
    ]);
    const seen = decode(
      bytes,
      Array.from({ length: bytes.length }, (_, i) => i),
    );
    expect(seen).toEqual([
      { kind: 'text', data: Buffer.from('grüße ☂') },
      { kind: 'pong', data: Buffer.from('x') },
    ]);
  });

  it('refuses text that is not UTF-8, also when fragments cut a character', () => {
    expect(refused(clientFrame(OPCODE.text, Buffer.from([0xc3, 0x28])))).toBe(1007);
    const umlaut = Buffer.from('ü');
    const whole = Buffer.concat([
      clientFrame(OPCODE.text, umlaut.subarray(0, 1), { final: false }),
      clientFrame(0, umlaut.subarray(1)),
    ]);
    expect(decode(whole)).toEqual([{ kind: 'text', data: umlaut }]);
    const surrogate = Buffer.from([0xed, 0xa0, 0x80]);
    expect(refused(clientFrame(OPCODE.text, surrogate))).toBe(1007);
  });

  it.each([
    ['a reserved bit', clientFrame(OPCODE.text, Buffer.from('a'), { rsv: 4 })],
    ['an unknown data opcode', clientFrame(3, Buffer.alloc(0))],
    ['an unknown control opcode', clientFrame(11, Buffer.alloc(0))],
    ['no mask', Buffer.from([0x81, 0x01, 0x61])],
    ['a fragmented ping', clientFrame(OPCODE.ping, Buffer.alloc(0), { final: false })],
    ['a ping of 126 bytes', clientFrame(OPCODE.ping, Buffer.alloc(126))],
    ['a continuation of nothing', clientFrame(0, Buffer.from('a'))],
    [
      'a message inside a message',
      Buffer.concat([clientFrame(1, Buffer.from('a'), { final: false }), clientFrame(1, Buffer.from('b'))]),
    ],
    ['a close frame of one byte', clientFrame(OPCODE.close, Buffer.from([3]))],
  ])('refuses %s with 1002', (_name, bytes) => {
    expect(refused(bytes)).toBe(1002);
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])('refuses close code %i', (code) => {
    expect(refused(clientFrame(OPCODE.close, Buffer.from([code >> 8, code & 255])))).toBe(1002);
  });

  it.each([1000, 1001, 1003, 1007, 1014, 3000, 4999])('takes close code %i', (code) => {
    const bytes = clientFrame(
      OPCODE.close,
      Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from('bye')]),
    );
    expect(decode(bytes)).toEqual([{ kind: 'close', code, reason: 'bye' }]);
  });

  it('reads a close frame without a code as 1005, and refuses a reason that is not UTF-8', () => {
    expect(decode(clientFrame(OPCODE.close, Buffer.alloc(0)))).toEqual([
      { kind: 'close', code: 1005, reason: '' },
    ]);
    expect(refused(clientFrame(OPCODE.close, Buffer.from([3, 232, 0xff])))).toBe(1007);
  });

  it('refuses a message over the limit before its payload comes, fragments added up', () => {
    const head = clientFrame(OPCODE.binary, Buffer.alloc(200)).subarray(0, 4);
    expect(refused(head, 100)).toBe(1009);
    const lying = Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    expect(refused(lying, 100)).toBe(1009);
    const pieces = Buffer.concat([
      clientFrame(OPCODE.binary, Buffer.alloc(60), { final: false }),
      clientFrame(0, Buffer.alloc(60)),
    ]);
    expect(refused(pieces, 100)).toBe(1009);
    expect(decode(pieces, [], 120)).toHaveLength(1);
  });
});

describe('frame encoder', () => {
  it('writes heads of all three lengths, unmasked', () => {
    for (const size of [0, 125, 126, 65_535, 65_536]) {
      const frame = encodeFrame(OPCODE.binary, Buffer.alloc(size, 9));
      const masked = Buffer.concat([
        frame.subarray(0, frame.length - size).map((byte, i) => (i === 1 ? byte | 0x80 : byte)),
        Buffer.alloc(4),
        frame.subarray(frame.length - size),
      ]);
      expect(decode(masked)[0]).toEqual({ kind: 'binary', data: Buffer.alloc(size, 9) });
    }
    expect(encodeText('ä')).toEqual(Buffer.from([0x81, 2, 0xc3, 0xa4]));
    expect(encodeFrame(OPCODE.binary, Buffer.from('a'), Buffer.from('b'))).toEqual(
      Buffer.from([0x82, 2, 97, 98]),
    );
  });

  it('cuts a close reason to a control frame at a whole character', () => {
    const frame = encodeClose(1001, 'ä'.repeat(100));
    expect(frame.length).toBeLessThanOrEqual(127);
    expect(frame.subarray(4).toString()).toBe('ä'.repeat(61));
  });
});
