import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import type { CameraEvent } from './camera-event.ts';
import { createViewer, createViewers } from './viewers.ts';

test('D-30 ages of frames are told by mean, greatest, and the bound that 99 of 100 are within', () => {
  const viewer = createViewer();
  for (let i = 0; i < 99; i++) viewer.sent(15);
  viewer.sent(400);
  expect(viewer.account(7)).toEqual({ frames: 100, dropped: 7, age_ms: { mean: 18.9, max: 400, p99: 20 } });
  viewer.sent(401);
  viewer.sent(402);
  expect(viewer.account(7).age_ms.p99).toBe(402);
  // A clock that was set back makes no frame of the future.
  const early = createViewer();
  early.sent(-5);
  expect(early.account(0)).toEqual({ frames: 1, dropped: 0, age_ms: { mean: 0, max: 0, p99: 0 } });
  expect(createViewer().account(0).age_ms).toEqual({ mean: 0, max: 0, p99: 0 });
});

test('F8 what viewers were not given is told while they are there, once in a while, and when they leave', () => {
  const clock = manualClock();
  const told: CameraEvent[] = [];
  const viewers = createViewers({
    outlet: { tell: (event) => void told.push(event) },
    now: () => clock.now(),
    newest: () => clock.now() - 3,
  });
  const missed = { one: 0, two: 0 };
  const one = viewers.add('one', () => missed.one);
  using _two = viewers.add('two', () => missed.two);
  one.sent();
  missed.one = 4;
  missed.two = 1;
  viewers.check();
  expect(told).toEqual([]);
  clock.advance(10_000);
  viewers.check();
  viewers.check();
  clock.advance(10_000);
  viewers.check();
  expect(told).toEqual([{ type: 'dropped', frames: 5, viewers: 2 }]);
  missed.one = 6;
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  expect(told.slice(1)).toEqual([
    {
      ...{ type: 'viewer-left', viewer: 'one', seconds: 20, frames: 1, dropped: 6 },
      age_ms: { mean: 3, max: 3, p99: 3 },
    },
  ]);
  expect(viewers.views.map(({ viewer }) => viewer)).toEqual(['two']);
});
