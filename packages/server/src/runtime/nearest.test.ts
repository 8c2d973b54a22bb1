import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test('a candidate itself is the nearest to itself', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      (all, n) => {
        const one = all[n % all.length] ?? '';
        expect(nearest(one, all)).toBe(one);
      },
    ),
  );
});

test('fewest edits win; a swap of neighbours is one', () => {
  expect(nearest('prot', ['host', 'port', 'proxy'])).toBe('port');
  expect(nearest('hostt', ['ports', 'host'])).toBe('host');
  expect(nearest('x', [])).toBeUndefined();
});
