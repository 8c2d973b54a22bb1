import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import type { CameraEvent } from './camera-event.ts';
import { type CameraHealth, createHealth } from './camera-health.ts';
import { type CameraStates, cameraStates } from './camera-state.ts';

const FROZEN = 500;

function setup() {
  const clock = manualClock();
  const told: CameraEvent[] = [];
  const states: CameraStates = cameraStates({ tell: (event) => void told.push(event) }, () => clock.now());
  const health: CameraHealth = createHealth({ states, clock, frozenMs: FROZEN });
  return { clock, states, health, types: () => told.map(({ type }) => type) };
}

test('D-30 a source is frozen when a frame is awaited for longer than is set, and than three intervals', () => {
  const { clock, states, health } = setup();
  const about = { width: 4, height: 3, fps: 2, codec: 'h264' };
  states.opened(about);
  const filming = { waitingSince: clock.now(), about, pid: 1 };
  clock.advance(1_500);
  health.checkFilming(filming, null);
  health.checkFilming({ ...filming, waitingSince: undefined }, 30);
  expect(states.now.status).toBe('live');
  clock.advance(1);
  // Fewer pictures were asked for: they are further apart.
  health.checkFilming(filming, 1);
  expect(states.now.status).toBe('live');
  health.checkFilming(filming, null);
  expect(states.now).toMatchObject({ status: 'frozen', about });
});

test('D-30 a camera that is pushed is silent when no frame comes for longer than three usual intervals', () => {
  const { clock, states, health, types } = setup();
  health.checkPushed();
  expect(states.now.status).toBe('idle');
  for (let i = 0; i < 100; i++) {
    health.pushed(4, 3);
    clock.advance(1_000);
  }
  expect(Math.round(health.pushIntervalMs)).toBe(1_000);
  clock.advance(1_900);
  health.checkPushed();
  expect(states.now.status).toBe('live');
  clock.advance(101);
  health.checkPushed();
  expect(states.now.status).toBe('silent');
  health.pushed(8, 6);
  expect(states.now).toMatchObject({ status: 'live', about: { width: 8, height: 6 } });
  expect(types()).toEqual(['opened', 'silent', 'recovered', 'resized']);
});
