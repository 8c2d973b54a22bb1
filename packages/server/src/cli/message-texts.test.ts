import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageTexts } from './message-texts.ts';

test('messages are the elements of the array, whatever is in them and however they are set', () => {
  const spacing = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), spacing, (values, space) => {
      const texts = messageTexts(JSON.stringify(values, null, space));
      expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
        values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
      );
      for (const text of texts) expect(text).not.toMatch(/[\r\n\u0085\u2028\u2029]/);
    }),
  );
});

test('a number stays as it was written', () => {
  expect(messageTexts(' [1e400, 12345678901234567890,{"a":[0.10]} ] ')).toEqual([
    '1e400',
    '12345678901234567890',
    '{"a":[0.10]}',
  ]);
  expect(messageTexts('[]')).toEqual([]);
});

test('anything but an array is told', () => {
  for (const text of ['', '{}', '[', '1 2', 'null']) expect(() => messageTexts(text)).toThrow('JSON array');
});
