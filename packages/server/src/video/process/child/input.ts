import type { CodecContext, FormatContext, Stream } from 'node-av/lib';
import type { VideoSourceSpec } from '../../video.ts';
import { failureOf, SourceFailure } from './failure.ts';
import { type Loaded, library } from './library.ts';
import { sourceAddress } from './source-address.ts';

/** A source that is open. Disposing closes it; nothing of it may be used then. */
export interface Input extends Disposable {
  readonly format: FormatContext;
  readonly stream: Stream;
  /** Open; one thread, so that no picture waits for others behind it. */
  readonly decoder: CodecContext;
  /** `h264`, `mjpeg` … */
  readonly codec: string;
  /** Its pictures are JPEGs, each for itself. */
  readonly jpeg: boolean;
  readonly fps: number | null;
  /** It is there at once, or comes in bursts: shown by its own times. Else as it comes. */
  readonly paced: boolean;
}

/** A larger picture is not decoded: it would take the memory of the machine. 8K is half of it. */
const PIXELS_MAX = 2n ** 26n;

/** Opens a source. Rejects with `SourceFailure`. */
export async function openInput(source: VideoSourceSpec): Promise<Input> {
  const loaded = await library();
  const { lib, constants } = loaded;
  const { url, demuxer, options, paced, failure } = await sourceAddress(source);
  const format = new lib.FormatContext();
  const found = demuxer === undefined ? null : lib.InputFormat.findInputFormat(demuxer);
  if (demuxer !== undefined && found === null)
    throw new SourceFailure('missing', 'This build of FFmpeg cannot read sources of this kind.');
  format.allocContext();
  // Opened by hand, so that nothing but what stands here decides how.
  const opened = await format.openInput(url, found, lib.Dictionary.fromObject({ ...options }));
  if (opened < 0) throw failure?.() ?? failureOf(opened);
  const known = await format.findStreamInfo();
  if (known < 0) throw failure?.() ?? failureOf(known);
  const index = format.findBestStream(constants.AVMEDIA_TYPE_VIDEO, -1, -1);
  const stream = format.streams[index];
  if (index < 0 || stream === undefined) throw new SourceFailure('no-video', 'There is no video in it.');
  for (const other of format.streams) if (other.index !== index) other.discard = constants.AVDISCARD_ALL;
  const { codecpar } = stream;
  const decoder = openDecoder(loaded, stream);
  // A picture for itself is sent when it was made.
  const alone = paced === undefined && ['mpjpeg', 'mjpeg', 'jpeg_pipe'].includes(format.iformat?.name ?? '');
  return {
    format,
    stream,
    decoder,
    codec: source.kind === 'pattern' ? 'rawvideo' : (lib.avGetCodecName(codecpar.codecId) ?? 'unknown'),
    jpeg: codecpar.codecId === constants.AV_CODEC_ID_MJPEG,
    // They have no times of their own, and FFmpeg makes some up.
    fps: alone ? null : rate(stream),
    paced: paced ?? !alone,
    [Symbol.dispose]() {
      decoder.freeContext();
      format.closeInputSync();
    },
  };
}

/** Throws `SourceFailure`. */
export function openDecoder({ lib, constants }: Loaded, { codecpar, timeBase }: Stream): CodecContext {
  const codec = lib.Codec.findDecoder(codecpar.codecId);
  if (codec === null) throw new SourceFailure('no-video', 'Its video has a codec that is not read here.');
  const decoder = new lib.CodecContext();
  decoder.allocContext3(codec);
  decoder.parametersToContext(codecpar);
  decoder.pktTimebase = timeBase;
  decoder.threadCount = 1;
  decoder.setOption('max_pixels', PIXELS_MAX, constants.AV_OPT_TYPE_INT64);
  const ready = decoder.open2Sync(codec);
  if (ready < 0) throw failureOf(ready);
  return decoder;
}

/** Pictures a second, where a source knows and it is no clock rate. */
function rate({ avgFrameRate, rFrameRate }: Stream): number | null {
  for (const { num, den } of [avgFrameRate, rFrameRate]) {
    const fps = num / den;
    if (fps > 0 && fps <= 480) return Math.round(fps * 1_000) / 1_000;
  }
  return null;
}
