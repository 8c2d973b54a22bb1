import type { Clock } from '../../runtime/clock.ts';
import type { CameraStates } from './camera-state.ts';
import type { Filming } from './video-source.ts';

/** Whether frames of a camera come as they should, from a source that is read or from whoever pushes them (D-30). */
export interface CameraHealth {
  /** Between two frames that are pushed, about, ms; 0 while nobody knows. */
  readonly pushIntervalMs: number;
  /** A frame of that size was pushed. */
  pushed(width: number, height: number): void;
  /** Looks at what is filmed, of which at most so many pictures a second are wanted. */
  checkFilming(filming: Filming, fps: number | null): void;
  checkPushed(): void;
}

/** Without a frame for longer than `frozenMs`, and than three intervals, something is wrong. */
export function createHealth(parts: {
  readonly states: CameraStates;
  readonly clock: Clock;
  readonly frozenMs: number;
}): CameraHealth {
  const { states, clock, frozenMs } = parts;
  let pushedAt: number | undefined;
  let pushIntervalMs = 0;

  function check(status: 'frozen' | 'silent', since: number | undefined, intervalMs: number): void {
    if (since !== undefined && clock.now() - since > Math.max(frozenMs, 3 * intervalMs))
      states.missed(status, since);
  }

  return {
    get pushIntervalMs() {
      return pushIntervalMs;
    },
    pushed(width, height) {
      const now = clock.now();
      const before = pushedAt;
      pushedAt = now;
      const { status, about } = states.now;
      if (before !== undefined && status === 'live') pushIntervalMs += (now - before - pushIntervalMs) / 8;
      states.arrived();
      if (status === 'idle' || about?.width !== width || about.height !== height)
        states.opened({ width, height, fps: null, codec: 'mjpeg' });
    },
    checkFilming({ waitingSince, about }, fps) {
      check('frozen', waitingSince, 1000 / Math.min(fps ?? 60, about?.fps ?? 10));
    },
    checkPushed() {
      check('silent', pushedAt, pushIntervalMs);
    },
  };
}
