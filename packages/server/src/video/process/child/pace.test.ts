import { expect, test } from 'vitest';
import { createPace } from './pace.ts';

test('pictures are due by their own times', () => {
  let now = 1_000;
  const pace = createPace(() => now);
  expect(pace.wait(5)).toBe(0);
  now = 1_010;
  expect(pace.wait(5.04)).toBeCloseTo(30);
  now = 1_040;
  expect(pace.wait(5.08)).toBeCloseTo(40);
});

test('what comes far too late is not made up for by a burst', () => {
  let now = 0;
  const pace = createPace(() => now);
  pace.wait(0);
  now = 10_000;
  expect(pace.wait(1)).toBeLessThan(0);
  expect(pace.wait(1.04)).toBeCloseTo(40);
});

test('a cut in the times is due at once', () => {
  let now = 0;
  const pace = createPace(() => now);
  pace.wait(0);
  expect(pace.wait(3_600)).toBe(0);
  expect(pace.wait(3_599)).toBe(0);
  now = 100;
  expect(pace.wait(0)).toBe(0);
  expect(pace.wait(0.5)).toBeCloseTo(500);
});
