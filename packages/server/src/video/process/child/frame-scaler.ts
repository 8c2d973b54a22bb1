import type { Frame, SoftwareScaleContext } from 'node-av/lib';
import type { Loaded } from './library.ts';

/** Scales frames of any size and kind. */
export interface FrameScaler {
  /** The scaled picture, until the next call. Undefined: it cannot be scaled. */
  scale(frame: Frame, width: number, height: number): Frame | undefined;
}

export function createFrameScaler({ lib, constants }: Loaded, kind: 'grey' | 'planes'): FrameScaler {
  const format = kind === 'grey' ? constants.AV_PIX_FMT_GRAY8 : constants.AV_PIX_FMT_GBRP;
  const scaler: SoftwareScaleContext = new lib.SoftwareScaleContext();
  scaler.allocContext();
  let target: Frame | undefined;
  return {
    scale(frame, width, height) {
      if (target?.width !== width || target.height !== height) {
        target?.free();
        target = new lib.Frame();
        target.alloc();
        target.width = width;
        target.height = height;
        target.format = format;
        target.colorRange = constants.AVCOL_RANGE_JPEG;
        target.allocBuffer();
      }
      return scaler.scaleFrameSync(target, frame) < 0 ? undefined : target;
    },
  };
}
