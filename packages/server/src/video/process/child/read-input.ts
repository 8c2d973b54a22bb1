import type { Frame, Packet } from 'node-av/lib';
import { createCatchUp } from './catch-up.ts';
import type { CorruptCount } from './corrupt-count.ts';
import type { Delivery } from './delivery.ts';
import { END_OF_FILE, failureOf, SourceFailure } from './failure.ts';
import type { Input } from './input.ts';
import type { Loaded } from './library.ts';
import { createPace } from './pace.ts';

export interface ReadParts {
  readonly loaded: Loaded;
  readonly delivery: Delivery;
  readonly corrupt: CorruptCount;
}

/** Of what does not say. */
const FPS = 25;

/**
 * Reads a source from here to its end, and offers each of its pictures when it is due. `broken`: it ended otherwise.
 * Rejects with `SourceFailure` if there was no picture in it.
 */
export async function readInput(
  input: Input,
  { loaded, delivery, corrupt }: ReadParts,
): Promise<'ended' | 'broken'> {
  const { lib, constants } = loaded;
  const { format, stream, decoder, jpeg } = input;
  const { index, timeBase } = stream;
  const seconds = timeBase.num / timeBase.den;
  const pace = createPace(() => performance.now());
  const catchUp = createCatchUp(() => performance.now());
  const packet: Packet = new lib.Packet();
  packet.alloc();
  const frame: Frame = new lib.Frame();
  frame.alloc();
  let shown = 0;

  /** Waits until it is due. What has no times of its own is shown evenly. */
  async function due(pts: bigint): Promise<void> {
    if (!input.paced) return;
    const at = pts === constants.AV_NOPTS_VALUE ? shown / (input.fps ?? FPS) : Number(pts) * seconds;
    const wait = pace.wait(at);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }

  const late = ({ dts, isKeyframe }: Packet): boolean =>
    !input.paced && dts !== constants.AV_NOPTS_VALUE && catchUp.skips(Number(dts) * seconds, isKeyframe);

  /** Shows what the decoder has. */
  async function drain(): Promise<void> {
    while (decoder.receiveFrameSync(frame) >= 0) {
      if (frame.decodeErrorFlags !== 0 || frame.hasFlags(constants.AV_FRAME_FLAG_CORRUPT)) corrupt.add();
      await due(frame.bestEffortTimestamp);
      shown++;
      delivery.offerFrame(frame);
      frame.unref();
    }
  }

  async function take(): Promise<void> {
    if (jpeg) {
      await due(packet.pts);
      if (delivery.offerJpeg(packet)) shown++;
      else corrupt.add();
    } else if (!late(packet)) {
      if (decoder.sendPacketSync(packet) < 0) corrupt.add();
      await drain();
    }
  }

  let read = await format.readFrame(packet);
  for (; read >= 0; read = await format.readFrame(packet)) {
    if (packet.streamIndex === index) await take();
    packet.unref();
  }
  if (read === END_OF_FILE && !jpeg) {
    decoder.sendPacketSync(null);
    await drain();
  }
  packet.free();
  frame.free();
  if (shown > 0) return read === END_OF_FILE ? 'ended' : 'broken';
  throw read === END_OF_FILE
    ? new SourceFailure('corrupt', 'No picture in it could be decoded.')
    : failureOf(read);
}
