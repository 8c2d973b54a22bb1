import { expect, test } from 'vitest';
import { createRateGate } from './rate-gate.ts';

/** How many of the pictures of so many seconds go through, each up to `jitter` ms late. */
function through(fps: number | null, source: number, seconds: number, jitter: number): number {
  const gate = createRateGate(fps);
  let passed = 0;
  for (let n = 0; n < source * seconds; n++)
    if (gate((n * 1_000) / source + ((n * 7) % 3) * (jitter / 3))) passed++;
  return passed;
}

test.each([0, 12])('the rate asked for is kept, with %i ms of jitter', (jitter) => {
  expect(through(null, 30, 10, jitter)).toBe(300);
  expect(through(30, 30, 10, jitter)).toBeGreaterThanOrEqual(299);
  for (const fps of [1, 5, 10, 20, 25]) {
    expect(through(fps, 30, 10, jitter)).toBeLessThanOrEqual(fps * 10 + 1);
    expect(through(fps, 30, 10, jitter)).toBeGreaterThanOrEqual(fps * 10 - 1);
  }
});

test('behind a pause nothing is made up for', () => {
  const gate = createRateGate(10);
  expect(gate(0)).toBe(true);
  expect(gate(60_000)).toBe(true);
  expect(gate(60_010)).toBe(false);
  expect(gate(60_100)).toBe(true);
});
