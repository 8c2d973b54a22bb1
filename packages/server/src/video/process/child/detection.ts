import type { Frame } from 'node-av/lib';
import type { DetectorSettings } from '../../detector.ts';
import type { VideoPicture } from '../../video.ts';
import { createDetector, type Detector } from './detector.ts';
import { DetectorFailure } from './detector-failure.ts';
import type { Loaded } from './library.ts';
import type { Link } from './link.ts';
import { createRateGate } from './rate-gate.ts';

/**
 * Looks at pictures that were delivered, one at a time and at the detector's own rate: what comes while it looks at one
 * is not looked at. A detector that fails is told of once, and pictures go on.
 */
export interface Detection {
  /** Whether it would look at a picture of this time. Asked once for each. */
  wants(time: number): boolean;
  look(frame: Frame, picture: Omit<VideoPicture, 'jpeg'>): void;
}

export function startDetection(link: Link, loaded: Loaded, settings: DetectorSettings): Detection {
  const passes = createRateGate(settings.fps);
  let detector: Detector | undefined;
  let busy = false;

  function fail(error: unknown): void {
    detector = undefined;
    busy = true;
    const message = error instanceof DetectorFailure ? error.message : 'The detector met a fault of its own.';
    link.tell({ type: 'detector-failed', message });
  }

  createDetector(loaded, settings).then((made) => {
    detector = made;
  }, fail);

  return {
    wants: (time) => detector !== undefined && !busy && passes(time),
    look(frame, { number, time, width, height }) {
      if (detector === undefined) return;
      busy = true;
      detector.look(frame, { width, height }).then((objects) => {
        busy = false;
        link.tell({ type: 'detected', number, time, width, height, objects });
      }, fail);
    },
  };
}
