import { formatEpoch } from '@playhead/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochs } from './epochs.ts';

test('L4 epochs increase strictly whatever the clock does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 41 }), { minLength: 2 }),
      fc.nat(2 ** 41),
      (times, last) => {
        const pending = [...times];
        let now = 0;
        const next = epochs(() => (now = pending.shift() ?? now), formatEpoch(last, 5));
        let before = formatEpoch(last, 5);
        for (let i = 0; i < times.length + 3; i++) {
          const epoch = next();
          expect(epoch > before).toBe(true);
          expect(epoch).toMatch(/^[0-9a-hjkmnp-tv-z]{16}$/);
          before = epoch;
        }
      },
    ),
  );
});
