import type { CodecContext, FormatContext, Frame, Packet, Stream } from 'node-av/lib';
import type { WriteRequest } from '../../video.ts';
import { jpegBounds } from './jpeg-bounds.ts';
import { failureOf, SourceFailure } from './failure.ts';
import type { Loaded } from './library.ts';
import { createFitter, type Fitter } from './fitter.ts';

/** A video file in the making. */
export interface Film {
  /** Shows a JPEG from this time on, ms; what is none is passed over. One call behind the other. */
  show(jpeg: Buffer, time: number): Promise<void>;
  /** The rest of the file is told; resolves to the number of pictures. */
  finish(): Promise<number>;
}

interface Kind {
  readonly container: string;
  readonly encoder: string;
  /** Of the encoder. */
  readonly options: Readonly<Record<string, string>>;
  readonly muxing: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<WriteRequest['format'], Kind>> = {
  webm: {
    container: 'webm',
    encoder: 'libvpx',
    options: { deadline: 'realtime', 'cpu-used': '6', crf: '12', 'auto-alt-ref': '0', 'lag-in-frames': '0' },
    muxing: { live: '1', cluster_time_limit: '5000' },
  },
  mp4: {
    container: 'mp4',
    encoder: 'libx264',
    options: { preset: 'veryfast', tune: 'zerolatency', crf: '23' },
    // In fragments, so that it plays while it comes.
    muxing: { movflags: 'empty_moov+default_base_moof+frag_keyframe', frag_duration: '2000000' },
  },
};

/** Bits a second and pixel: more than enough for what browsers and cameras show. */
const BITS_PER_PIXEL = 4;
const KEY_INTERVAL = 60;

export function createFilm(
  { lib, constants }: Loaded,
  request: Pick<WriteRequest, 'format' | 'lastMs'>,
  told: (piece: Buffer) => void,
): Film {
  const kind = KINDS[request.format];
  const packet: Packet = new lib.Packet();
  packet.alloc();
  const durations = new Map<bigint, bigint>();
  let begun: { format: FormatContext; stream: Stream; encoder: CodecContext; fitter: Fitter } | undefined;
  let first = 0;
  let pending: bigint | undefined;
  let count = 0;

  function must(code: number): void {
    if (code < 0) throw failureOf(code);
  }

  async function begin(width: number, height: number): Promise<NonNullable<typeof begun>> {
    const codec = lib.Codec.findEncoderByName(kind.encoder as never);
    if (codec === null)
      throw new SourceFailure('missing', `This build of FFmpeg cannot write ${request.format}.`);
    const format = new lib.FormatContext();
    must(format.allocOutputContext2(null, kind.container, null));
    const encoder = new lib.CodecContext();
    encoder.allocContext3(codec);
    encoder.width = width;
    encoder.height = height;
    encoder.pixelFormat = constants.AV_PIX_FMT_YUV420P;
    encoder.colorRange = constants.AVCOL_RANGE_MPEG;
    encoder.timeBase = new lib.Rational(1, 1_000);
    encoder.bitRate = BigInt(width * height * BITS_PER_PIXEL);
    encoder.gopSize = KEY_INTERVAL;
    encoder.threadCount = 1;
    encoder.setFlags(constants.AV_CODEC_FLAG_GLOBAL_HEADER);
    for (const [name, value] of Object.entries(kind.options))
      must(encoder.setOption(name, value, constants.AV_OPT_TYPE_STRING, constants.AV_OPT_SEARCH_CHILDREN));
    must(encoder.open2Sync(codec));
    const stream = format.newStream(codec);
    stream.codecpar.fromContext(encoder);
    stream.timeBase = new lib.Rational(1, 1_000);
    const output = new lib.IOContext();
    output.allocContextWithCallbacks(65_536, 1, null, (piece) => {
      // FFmpeg uses its buffer again as soon as this returns.
      told(Buffer.from(piece));
      return piece.length;
    });
    format.pb = output;
    must(await format.writeHeader(lib.Dictionary.fromObject({ ...kind.muxing })));
    begun = { format, stream, encoder, fitter: createFitter({ lib, constants }, width, height) };
    return begun;
  }

  /** Writes what the encoder has. */
  async function drain({ format, stream, encoder }: NonNullable<typeof begun>): Promise<void> {
    while (encoder.receivePacketSync(packet) >= 0) {
      const duration = durations.get(packet.pts) ?? 0n;
      durations.delete(packet.pts);
      packet.duration = duration;
      packet.streamIndex = stream.index;
      packet.rescaleTs(encoder.timeBase, stream.timeBase);
      must(await format.interleavedWriteFrame(packet));
    }
  }

  /** The picture that waited is shown until `until`: only now is it known how long. */
  async function send(until: bigint): Promise<void> {
    if (begun === undefined || pending === undefined) return;
    const { encoder, fitter } = begun;
    const frame: Frame = fitter.frame;
    durations.set(pending, until - pending);
    frame.pts = pending;
    must(encoder.sendFrameSync(frame));
    await drain(begun);
  }

  return {
    async show(jpeg, time) {
      const bounds = jpegBounds(jpeg);
      if (bounds === undefined) return;
      // Colour has half of the pixels, so sizes are even.
      begun ??= await begin(bounds.width & ~1, bounds.height & ~1);
      if (count === 0) first = time;
      // Times only grow in a file: what came in the same ms is the next one's.
      const at = BigInt(Math.round(time - first));
      const pts = pending !== undefined && at <= pending ? pending + 1n : at;
      await send(pts);
      if (!begun.fitter.fit(jpeg)) {
        // It stays as it was; the picture before is shown on.
        if (pending !== undefined) pending = pts;
        return;
      }
      pending = pts;
      count++;
    },
    async finish() {
      if (begun === undefined || pending === undefined) return 0;
      await send(pending + BigInt(Math.max(1, Math.round(request.lastMs))));
      begun.encoder.sendFrameSync(null);
      await drain(begun);
      must(await begun.format.writeTrailer());
      return count;
    },
  };
}
