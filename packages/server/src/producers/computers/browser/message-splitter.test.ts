import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMessageSplitter } from './message-splitter.ts';

test('messages are the same wherever the pieces end', () => {
  const message = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat({ max: 60 })), (messages, cuts) => {
      const bytes = Buffer.from(messages.map((text) => `${text}\0`).join(''));
      const heard: string[] = [];
      const splitter = createMessageSplitter(1_000_000, (piece) => heard.push(piece.toString()));
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        expect(splitter.feed(bytes.subarray(at, at + cut))).toBe(true);
        at += cut;
      }
      expect(heard).toEqual(messages);
    }),
  );
});

test('a message beyond the bound is refused, also when it comes in pieces', () => {
  const heard: string[] = [];
  const splitter = createMessageSplitter(4, (bytes) => heard.push(bytes.toString()));
  expect(splitter.feed(Buffer.from('four\0fo'))).toBe(true);
  expect(splitter.feed(Buffer.from('ur'))).toBe(true);
  expect(splitter.feed(Buffer.from('!'))).toBe(false);
  expect(heard).toEqual(['four']);
});
