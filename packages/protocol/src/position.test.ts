import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  comparePositions,
  formatEpoch,
  formatOffset,
  formatPosition,
  POSITION_MAX_LENGTH,
  type Position,
  parsePosition,
} from './position.ts';

const TIME_LIMIT = 2 ** 50;
const RANDOM_LIMIT = 2 ** 30;

const epochs = fc
  .tuple(fc.integer({ min: 0, max: TIME_LIMIT - 1 }), fc.integer({ min: 0, max: RANDOM_LIMIT - 1 }))
  .map(([time, random]) => formatEpoch(time, random));
// maxSafeNat alone hardly ever gives a short number, and the short ones are where text order breaks.
const offsets = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 2000 }),
  fc.constantFrom(0, 9, 10, 99, 100, Number.MAX_SAFE_INTEGER),
);
const positions: fc.Arbitrary<Position> = fc.record({ epoch: epochs, offset: offsets });

describe('position tokens', () => {
  test('P-1 every position survives its token', () => {
    fc.assert(
      fc.property(positions, (position) => {
        expect(parsePosition(formatPosition(position))).toEqual(position);
      }),
    );
  });

  test('P-2 a token is at most 40 characters and needs no escaping in a URL or a header', () => {
    expect(POSITION_MAX_LENGTH).toBeLessThanOrEqual(40);
    fc.assert(
      fc.property(positions, (position) => {
        const token = formatPosition(position);
        expect(token.length).toBeLessThanOrEqual(POSITION_MAX_LENGTH);
        expect(encodeURIComponent(token)).toBe(token);
        expect(token).toMatch(/^[0-9a-z-]+$/);
      }),
    );
    const longest = formatPosition({
      epoch: formatEpoch(TIME_LIMIT - 1, RANDOM_LIMIT - 1),
      offset: Number.MAX_SAFE_INTEGER,
    });
    expect(longest.length).toBe(POSITION_MAX_LENGTH);
  });

  test('P-3 tokens sort as text in the order of positions', () => {
    fc.assert(
      fc.property(positions, offsets, positions, fc.boolean(), (a, offset, other, sameEpoch) => {
        const b = sameEpoch ? { epoch: a.epoch, offset } : other;
        const [left, right] = [formatPosition(a), formatPosition(b)];
        const byText = left < right ? -1 : left > right ? 1 : 0;
        expect(Math.sign(comparePositions(a, b))).toBe(byText);
      }),
    );
  });

  test('P-3 neighbours sort at every change of length', () => {
    const epoch = formatEpoch(0, 0);
    for (let digits = 1; digits < 16; digits++) {
      const nines = 10 ** digits - 1;
      expect(formatPosition({ epoch, offset: nines }) < formatPosition({ epoch, offset: nines + 1 })).toBe(
        true,
      );
      expect(formatOffset(nines) < formatOffset(nines + 1)).toBe(true);
    }
  });

  test('P-4 a token has one spelling: whatever parses, formats back to itself', () => {
    const nearly = fc
      .tuple(positions, fc.nat({ max: 40 }), fc.string({ maxLength: 2 }), fc.nat({ max: 2 }))
      .map(([position, at, insert, remove]) => {
        const token = formatPosition(position);
        return token.slice(0, at) + insert + token.slice(at + remove);
      });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (text) => {
        const position = parsePosition(text);
        if (position !== undefined) expect(formatPosition(position)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['nothing', ''],
    ['the beginning has a name, not a token', 'start'],
    ['no offset', '01k9x2m4v7qhd3ts'],
    ['no length', '01k9x2m4v7qhd3ts-12'],
    ['a length that is not that of the digits', '01k9x2m4v7qhd3ts-c12'],
    ['a leading zero', '01k9x2m4v7qhd3ts-b01'],
    ['an unsafe number', '01k9x2m4v7qhd3ts-p9007199254740992'],
    ['17 digits', '01k9x2m4v7qhd3ts-q10000000000000000'],
    ['a short epoch', '01k9x2m4v7qhd3t-a1'],
    ['a long epoch', '01k9x2m4v7qhd3tss-a1'],
    ['a letter that the alphabet leaves out', '01k9x2m4v7qhd3tu-a1'],
    ['capitals', '01K9X2M4V7QHD3TS-a1'],
    ['a newline behind it', '01k9x2m4v7qhd3ts-a1\n'],
    ['a space before it', ' 01k9x2m4v7qhd3ts-a1'],
    ['a negative offset', '01k9x2m4v7qhd3ts-b-1'],
    ['a fraction', '01k9x2m4v7qhd3ts-c1.5'],
  ])('P-4 malformed: %s', (_, token) => {
    expect(parsePosition(token)).toBeUndefined();
  });

  test('P-5 epochs sort by their birth, and by the random part within a millisecond', () => {
    const births = fc.tuple(fc.nat({ max: 2 ** 45 }), fc.nat({ max: RANDOM_LIMIT - 1 }));
    fc.assert(
      fc.property(births, births, ([timeA, randomA], [timeB, randomB]) => {
        const order = Math.sign(timeA - timeB || randomA - randomB);
        const [a, b] = [formatEpoch(timeA, randomA), formatEpoch(timeB, randomB)];
        expect(a < b ? -1 : a > b ? 1 : 0).toBe(order);
      }),
    );
  });

  test('P-5 adding 1 to the largest random part still gives a later epoch', () => {
    expect(formatEpoch(7, RANDOM_LIMIT) > formatEpoch(7, RANDOM_LIMIT - 1)).toBe(true);
    expect(formatEpoch(7, RANDOM_LIMIT)).toBe(formatEpoch(8, 0));
  });
});
