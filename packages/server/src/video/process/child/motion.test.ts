import { expect, test } from 'vitest';
import type { MotionSettings } from '../../detector.ts';
import { createMotion, type Motion } from './motion.ts';

const WIDTH = 100;
const HEIGHT = 60;
const SETTINGS: MotionSettings = {
  kind: 'motion',
  fps: 5,
  threshold: 0.1,
  area: 0.001,
  zones: [],
  masks: [],
};

/** A grey picture with white boxes in it: left, top, width, height. */
function picture(boxes: readonly (readonly number[])[], ground = 90): Uint8Array {
  const grey = new Uint8Array(WIDTH * HEIGHT).fill(ground);
  for (const [x = 0, y = 0, width = 0, height = 0] of boxes)
    for (let row = y; row < y + height; row++) grey.fill(250, row * WIDTH + x, row * WIDTH + x + width);
  return grey;
}

const motion = (settings: Partial<MotionSettings> = {}): Motion =>
  createMotion({ ...SETTINGS, ...settings }, WIDTH, HEIGHT);

function boxes(by: Motion, grey: Uint8Array, scale = 1): readonly (readonly number[])[] {
  return by.look(grey, { width: WIDTH * scale, height: HEIGHT * scale }).map(({ bbox }) => bbox);
}

test('the first picture is the scene, and a still scene has no motion', () => {
  const by = motion();
  for (let look = 0; look < 5; look++) expect(boxes(by, picture([[10, 10, 20, 10]]))).toEqual([]);
});

test('a box holds what is there now, not where it was', () => {
  const by = motion();
  boxes(by, picture([]));
  expect(boxes(by, picture([[10, 10, 20, 10]]))).toEqual([[10, 10, 20, 10]]);
  expect(boxes(by, picture([[14, 12, 20, 10]]))).toEqual([[14, 12, 20, 10]]);
  expect(boxes(by, picture([[50, 30, 20, 10]]), 4)).toEqual([[200, 120, 80, 40]]);
});

test('two things apart are two boxes, the larger first', () => {
  const by = motion();
  boxes(by, picture([]));
  const [small, large] = [
    [5, 5, 8, 8],
    [60, 30, 20, 20],
  ];
  expect(boxes(by, picture([small ?? [], large ?? []]))).toEqual([large, small]);
});

test('what comes to rest is no motion, and belongs to the scene after a while', () => {
  const by = motion();
  boxes(by, picture([]));
  boxes(by, picture([[10, 10, 20, 10]]));
  for (let look = 0; look < 30; look++) expect(boxes(by, picture([[10, 10, 20, 10]]))).toEqual([]);
  // When it leaves, what moves is what was under it, and where it was comes to rest too.
  expect(boxes(by, picture([[12, 10, 20, 10]]))).not.toEqual([]);
  for (let look = 0; look < 30; look++) boxes(by, picture([[12, 10, 20, 10]]));
  expect(boxes(by, picture([[12, 10, 20, 10]]))).toEqual([]);
});

test('light that changes slowly, and noise, are no motion', () => {
  const by = motion();
  for (let look = 0; look < 100; look++) {
    const grey = picture([], 60 + look);
    grey[(look * 997) % grey.length] = 255;
    expect(boxes(by, grey)).toEqual([]);
  }
});

test('only what is large enough counts, of the area that is looked at', () => {
  const zone = [
    [0, 0],
    [0.3, 0],
    [0.3, 1],
    [0, 1],
  ] as const;
  const large = motion({ area: 0.05 });
  boxes(large, picture([]));
  expect(boxes(large, picture([[5, 5, 12, 12]]))).toEqual([]);
  const zoned = motion({ area: 0.05, zones: [zone] });
  boxes(zoned, picture([]));
  expect(boxes(zoned, picture([[5, 5, 12, 12]]))).toEqual([[5, 5, 12, 12]]);
  expect(boxes(zoned, picture([[50, 5, 12, 12]]))).toEqual([]);
});
