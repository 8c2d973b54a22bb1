import type { CodecContext, Frame, Packet, SoftwareScaleContext } from 'node-av/lib';
import { failureOf } from './failure.ts';
import type { Loaded } from './library.ts';

/** Fits JPEGs into one size, in the middle of black where their shape is another. */
export interface Fitter {
  /** The picture that was fitted last. */
  readonly frame: Frame;
  /** False: it could not be decoded. */
  fit(jpeg: Buffer): boolean;
}

export function createFitter({ lib, constants }: Loaded, width: number, height: number): Fitter {
  const codec = lib.Codec.findDecoder(constants.AV_CODEC_ID_MJPEG);
  const decoder: CodecContext = new lib.CodecContext();
  decoder.allocContext3(codec);
  decoder.threadCount = 1;
  const opened = decoder.open2Sync(codec);
  if (opened < 0) throw failureOf(opened);
  const scaler: SoftwareScaleContext = new lib.SoftwareScaleContext();
  scaler.allocContext();
  const packet: Packet = new lib.Packet();
  packet.alloc();
  const decoded: Frame = new lib.Frame();
  decoded.alloc();
  const frame = picture(width, height);
  let inner = frame;

  function picture(wide: number, high: number): Frame {
    const made = new lib.Frame();
    made.alloc();
    made.width = wide;
    made.height = high;
    made.format = constants.AV_PIX_FMT_YUV420P;
    made.colorRange = constants.AVCOL_RANGE_MPEG;
    made.allocBuffer();
    return made;
  }

  /** The part of the frame that a picture of this shape fills. */
  function part(wide: number, high: number): Frame {
    const scale = Math.min(width / wide, height / high);
    const w = Math.min(width, Math.max(2, Math.round((wide * scale) / 2) * 2));
    const h = Math.min(height, Math.max(2, Math.round((high * scale) / 2) * 2));
    if (Math.abs(w - width) <= 2 && Math.abs(h - height) <= 2) return frame;
    return inner !== frame && inner.width === w && inner.height === h ? inner : picture(w, h);
  }

  function place(from: Frame): void {
    for (const [plane, target] of (frame.data ?? []).entries()) {
      const source = from.data?.[plane];
      const [into, out] = [frame.linesize[plane] ?? 0, from.linesize[plane] ?? 0];
      if (source === undefined || into === 0) continue;
      const half = plane === 0 ? 1 : 2;
      target.fill(plane === 0 ? 16 : 128);
      const left = ((width - from.width) / 2 / half) | 0;
      const top = ((height - from.height) / 2 / half) | 0;
      for (let row = 0; row < from.height / half; row++)
        source.copy(target, (top + row) * into + left, row * out, row * out + from.width / half);
    }
  }

  return {
    frame,
    fit(jpeg) {
      packet.data = jpeg;
      const sent = decoder.sendPacketSync(packet);
      packet.unref();
      if (sent < 0 || decoder.receiveFrameSync(decoded) < 0) return false;
      if (frame.makeWritable() < 0) return false;
      inner = part(decoded.width, decoded.height);
      const scaled = scaler.scaleFrameSync(inner, decoded) >= 0;
      if (scaled && inner !== frame) place(inner);
      decoded.unref();
      return scaled;
    },
  };
}
