import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHead, type Framed, messageReader } from './message-frames.ts';

test('messages come out as they went in, however the pipe splits them', () => {
  const message = fc.record({ head: fc.dictionary(fc.string(), fc.integer()), body: fc.uint8Array() });
  fc.assert(
    fc.property(fc.array(message), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (messages, sizes) => {
      const bytes = Buffer.concat(
        messages.flatMap(({ head, body }) => [encodeHead(head, body.length), Buffer.from(body)]),
      );
      const told: Framed[] = [];
      const read = messageReader((one) => told.push(one));
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value ?? 1;
        read(bytes.subarray(at, at + size));
        at += size;
      }
      const plain = (all: readonly Framed[]): unknown =>
        all.map(({ head, body }) => [JSON.stringify(head), Buffer.from(body).toString('hex')]);
      expect(plain(told)).toEqual(plain(messages));
    }),
  );
});

test('a message beyond the bounds is refused before it takes memory', () => {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(2 ** 31, 4);
  expect(() => messageReader(() => undefined)(lengths)).toThrow(RangeError);
});
