import type { CodecContext, Frame, Packet, SoftwareScaleContext } from 'node-av/lib';
import type { Loaded } from './library.ts';

export interface PictureOptions {
  /** Null: as wide as the source is. */
  readonly width: number | null;
  /** 1 to 100. */
  readonly quality: number;
}

export interface Made {
  readonly jpeg: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Makes JPEGs of decoded pictures, of whatever size they come in. */
export interface PictureMaker {
  /** Undefined for a picture that cannot be made one. */
  make(frame: Frame): Made | undefined;
}

/** FFmpeg's unit of quality. */
const LAMBDA = 118;

export function createPictureMaker({ lib, constants }: Loaded, options: PictureOptions): PictureMaker {
  const scale = pictureQuality(options.quality) * LAMBDA;
  const scaler: SoftwareScaleContext = new lib.SoftwareScaleContext();
  scaler.allocContext();
  scaler.setOption('threads', 1, constants.AV_OPT_TYPE_INT);
  scaler.setOption('flags', 'bilinear', constants.AV_OPT_TYPE_STRING);
  const packet: Packet = new lib.Packet();
  packet.alloc();
  let encoder: CodecContext | undefined;
  let target: Frame | undefined;
  let pts = 0n;

  function prepare(width: number, height: number): void {
    encoder?.freeContext();
    target?.free();
    target = new lib.Frame();
    target.alloc();
    target.width = width;
    target.height = height;
    target.format = constants.AV_PIX_FMT_YUV420P;
    // A JPEG has the full range of values.
    target.colorRange = constants.AVCOL_RANGE_JPEG;
    target.allocBuffer();
    const codec = lib.Codec.findEncoderByName(constants.FF_ENCODER_MJPEG);
    encoder = new lib.CodecContext();
    encoder.allocContext3(codec);
    encoder.width = width;
    encoder.height = height;
    encoder.pixelFormat = constants.AV_PIX_FMT_YUV420P;
    encoder.colorRange = constants.AVCOL_RANGE_JPEG;
    encoder.timeBase = new lib.Rational(1, 1_000);
    encoder.threadCount = 1;
    encoder.flags = constants.AV_CODEC_FLAG_QSCALE;
    encoder.globalQuality = scale;
    encoder.qMin = 1;
    encoder.qMax = 31;
    encoder.open2Sync(codec);
  }

  return {
    make(frame) {
      const { width, height } = fitted(frame.width, frame.height, options.width);
      if (target?.width !== width || target.height !== height) prepare(width, height);
      if (encoder === undefined || target === undefined) return undefined;
      // The encoder may still hold the bytes of the picture before.
      if (target.makeWritable() < 0 || scaler.scaleFrameSync(target, frame) < 0) return undefined;
      target.pts = pts++;
      target.quality = scale;
      if (encoder.sendFrameSync(target) < 0 || encoder.receivePacketSync(packet) < 0) return undefined;
      const jpeg = packet.data;
      packet.unref();
      return jpeg === null ? undefined : { jpeg, width, height };
    },
  };
}

/** A size no wider than asked for, of the same shape. Even numbers: colour has half of the pixels. */
export function fitted(
  width: number,
  height: number,
  most: number | null,
): { width: number; height: number } {
  if (most === null || most >= width) return { width, height };
  return { width: most, height: Math.max(2, Math.round((height * most) / width / 2) * 2) };
}

/**
 * From the quality of a JPEG as everybody counts it (libjpeg's) to FFmpeg's, 1 the best and 31 the worst: both scale a
 * table of divisors, and FFmpeg's, at 15, is about as coarse as libjpeg's at 50.
 */
function pictureQuality(quality: number): number {
  const percent = quality < 50 ? 5_000 / Math.max(1, quality) : 200 - 2 * quality;
  return Math.min(31, Math.max(1, Math.round(percent * 0.15)));
}
