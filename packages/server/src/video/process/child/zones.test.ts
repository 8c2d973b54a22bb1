import { expect, test } from 'vitest';
import type { Polygon } from '../../detector.ts';
import { isLookedAt } from './zones.ts';

const triangle: Polygon = [
  [0.1, 0.1],
  [0.9, 0.1],
  [0.1, 0.9],
];

test('without zones everything is looked at, with them what is inside of one', () => {
  expect(isLookedAt({ zones: [], masks: [] }, 0.99, 0.99)).toBe(true);
  expect(isLookedAt({ zones: [triangle], masks: [] }, 0.3, 0.3)).toBe(true);
  expect(isLookedAt({ zones: [triangle], masks: [] }, 0.7, 0.7)).toBe(false);
  expect(isLookedAt({ zones: [triangle], masks: [] }, 0.05, 0.3)).toBe(false);
});

test('a mask hides, also inside of a zone', () => {
  expect(isLookedAt({ zones: [], masks: [triangle] }, 0.3, 0.3)).toBe(false);
  expect(isLookedAt({ zones: [triangle], masks: [triangle] }, 0.3, 0.3)).toBe(false);
  expect(isLookedAt({ zones: [], masks: [triangle] }, 0.7, 0.7)).toBe(true);
});

test('a polygon of nothing holds nothing', () => {
  expect(isLookedAt({ zones: [[]], masks: [] }, 0.5, 0.5)).toBe(false);
  expect(isLookedAt({ zones: [], masks: [[[0.5, 0.5]]] }, 0.5, 0.5)).toBe(true);
});
