import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { createFrameTimes } from './frame-times.ts';

test('no two frames that are filmed have the same time, whatever their source says', () => {
  const times = createFrameTimes(manualClock());
  expect(times.newest).toBe(0);
  expect([100.9, 100.2, 50, 200].map((time) => times.filmed(time))).toEqual([100, 101, 102, 200]);
  expect(times.newest).toBe(200);
});

test('D-28 a pushed frame is newer than the newest or none; a clock that is far ahead is not believed', () => {
  const clock = manualClock(1_000_000);
  const times = createFrameTimes(clock);
  expect(times.pushed(999_000)).toBe(999_000);
  expect(times.pushed(999_000)).toBe(undefined);
  expect(times.pushed(998_000)).toBe(undefined);
  expect(times.pushed(undefined)).toBe(1_000_000);
  expect(times.pushed(1_010_000)).toBe(1_010_000);
  clock.advance(20_000);
  expect(times.pushed(1_030_001)).toBe(1_020_000);
  expect(times.newest).toBe(1_020_000);
});
