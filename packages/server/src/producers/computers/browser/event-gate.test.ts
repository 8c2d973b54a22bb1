import { expect, test } from 'vitest';
import { manualClock } from '../../../runtime/manual-clock.ts';
import { createEventGate } from './event-gate.ts';

test('lets a burst through, then so many a second, and tells what it left out', () => {
  const clock = manualClock();
  const told: [string, number][] = [];
  const gate = createEventGate({
    clock,
    burst: 10,
    perSecond: 5,
    omitted: (type, count) => told.push([type, count]),
  });
  const admitted = (): number =>
    Array.from({ length: 20 }, () => gate.admit('console')).filter(Boolean).length;
  expect(admitted()).toBe(10);
  expect(gate.admit('page-error')).toBe(true);
  expect(told).toEqual([]);
  clock.advance(1_000);
  expect(told).toEqual([['console', 10]]);
  expect(admitted()).toBe(5);
  gate[Symbol.dispose]();
  expect(told).toEqual([
    ['console', 10],
    ['console', 15],
  ]);
  clock.advance(5_000);
  expect(told).toHaveLength(2);
});
