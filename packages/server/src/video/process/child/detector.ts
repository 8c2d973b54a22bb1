import type { Frame } from 'node-av/lib';
import type { DetectedObject, DetectorSettings } from '../../detector.ts';
import type { Loaded } from './library.ts';
import { createMotionDetector } from './motion-detector.ts';
import { createOnnxDetector } from './onnx-detector.ts';

/** The size of a picture as it was delivered. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Looks for objects. */
export interface Detector {
  /**
   * What is in a decoded picture, in pixels of the picture that was delivered of it. The frame is not used once this
   * returns. Rejects with a `DetectorFailure`; never called again then.
   */
  look(frame: Frame, size: PictureSize): Promise<readonly DetectedObject[]>;
}

/** Rejects with a `DetectorFailure`. */
export async function createDetector(loaded: Loaded, settings: DetectorSettings): Promise<Detector> {
  switch (settings.kind) {
    case 'motion':
      return createMotionDetector(loaded, settings);
    case 'onnx':
      return createOnnxDetector(loaded, settings);
  }
}
