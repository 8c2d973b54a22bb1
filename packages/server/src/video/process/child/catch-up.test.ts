import { expect, test } from 'vitest';
import { createCatchUp } from './catch-up.ts';

/** A camera of 25 pictures a second, every 25th whole; numbers of those that are decoded, where each takes so long. */
function decoded(costMs: (number: number) => number, count: number): readonly number[] {
  let now = 0;
  const catchUp = createCatchUp(() => now);
  const all: number[] = [];
  for (let number = 0; number < count; number++) {
    now = Math.max(now, number * 40);
    if (catchUp.skips(number / 25, number % 25 === 0)) continue;
    now += costMs(number);
    all.push(number);
  }
  return all;
}

test('who is fast enough decodes everything, also behind a pause', () => {
  expect(decoded(() => 30, 500)).toHaveLength(500);
  expect(decoded((number) => (number === 100 ? 900 : 10), 500)).toHaveLength(500);
});

test('who is too slow falls behind no further, and goes on at whole pictures', () => {
  let latest = 0;
  const numbers = decoded((number) => {
    latest = number;
    return 60;
  }, 3_000);
  expect(latest).toBeGreaterThan(2_900);
  // It decodes as many as it can: two of three.
  expect(numbers.length).toBeGreaterThan(1_200);
  for (const [index, number] of numbers.entries())
    if (index > 0 && number !== (numbers[index - 1] ?? 0) + 1) expect(number % 25).toBe(0);
});

test('who is far too slow still shows the whole pictures', () => {
  const numbers = decoded(() => 200, 3_000);
  expect(
    numbers.filter((number) => number > 500).every((number) => number % 25 === 0 || number % 25 < 10),
  ).toBe(true);
  expect(numbers.at(-1)).toBeGreaterThan(2_900);
});

test('a long stop, and a clock that drifts or jumps, is not being behind', () => {
  let now = 0;
  const catchUp = createCatchUp(() => now);
  const at = (seconds: number, ms: number): boolean => {
    now = ms;
    return catchUp.skips(seconds, false);
  };
  expect(at(0, 0)).toBe(false);
  // Drifts by half a second in half an hour.
  for (let second = 1; second < 3_600; second++) expect(at(second, second * 1_000.3)).toBe(false);
  expect(at(20_000, 3_700_000)).toBe(false);
  expect(at(0, 3_700_040)).toBe(false);
});
