import type { MotionSettings } from '../../detector.ts';
import type { Detector } from './detector.ts';
import { createFrameScaler } from './frame-scaler.ts';
import type { Loaded } from './library.ts';
import { createMotion, type Motion } from './motion.ts';

/** Pixels in a row of what is compared: enough to see a person at the other end of a yard. */
const WIDTH_MAX = 480;

/** Compares pictures in grey, and small. */
export function createMotionDetector(loaded: Loaded, settings: MotionSettings): Detector {
  const scaler = createFrameScaler(loaded, 'grey');
  let motion: Motion | undefined;
  let size = '';
  let grey = new Uint8Array();
  return {
    look(frame, picture) {
      const width = Math.min(WIDTH_MAX, picture.width);
      const height = Math.max(1, Math.round((picture.height * width) / picture.width));
      const small = scaler.scale(frame, width, height);
      const rows = small?.data?.[0];
      const stride = small?.linesize[0] ?? 0;
      if (rows === undefined) return Promise.resolve([]);
      // A picture of another size is another scene.
      if (motion === undefined || size !== `${width}x${height}`) {
        size = `${width}x${height}`;
        motion = createMotion(settings, width, height);
        grey = new Uint8Array(width * height);
      }
      for (let row = 0; row < height; row++)
        grey.set(rows.subarray(row * stride, row * stride + width), row * width);
      return Promise.resolve(motion.look(grey, picture));
    },
  };
}
