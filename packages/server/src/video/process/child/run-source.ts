import type { Frame, Packet } from 'node-av/lib';
import type { Command } from '../messages.ts';
import type { VideoEnd, VideoRequest } from '../../video.ts';
import { createCatchUp } from './catch-up.ts';
import { END_OF_FILE, failureOf, SourceFailure } from './failure.ts';
import { type Input, openInput } from './input.ts';
import { type Link, leave } from './link.ts';
import { library } from './library.ts';
import { createCorruptCount } from './corrupt-count.ts';
import { createDelivery } from './delivery.ts';
import { createPace } from './pace.ts';

/** Reads a source until it ends, and tells what becomes of it. Never rejects. */
export async function runSource(link: Link, request: VideoRequest): Promise<void> {
  const late = setTimeout(
    () =>
      tellEnd(link, {
        kind: 'failed',
        reason: 'timeout',
        message: `It did not open within ${request.openMs} ms.`,
      }),
    request.openMs,
  );
  let end: VideoEnd;
  try {
    const input = await openInput(request.source);
    end = await readAll(link, request, input, () => clearTimeout(late));
  } catch (error) {
    end = failed(error);
  }
  clearTimeout(late);
  tellEnd(link, end);
}

function failed(error: unknown): VideoEnd {
  if (error instanceof SourceFailure) return { kind: 'failed', reason: error.reason, message: error.message };
  return { kind: 'died', message: 'Its process met a fault of its own.' };
}

let told = false;

/** The server ends this process then; where it does not, it ends itself. */
function tellEnd(link: Link, end: VideoEnd): void {
  if (told) return;
  told = true;
  link.tell({ type: 'ended', end });
  setTimeout(leave, 10_000);
}

async function readAll(
  link: Link,
  request: VideoRequest,
  input: Input,
  opened: () => void,
): Promise<VideoEnd> {
  const { format, stream, decoder, jpeg } = input;
  const loaded = await library();
  const { lib, constants } = loaded;
  const loops = request.source.kind === 'file' && request.source.loop;
  const pace = createPace(() => performance.now());
  const delivery = createDelivery({ link, request, input, loaded, opened });
  link.heard(({ head }) => {
    const command = head as Command;
    if (command.type === 'taken') delivery.taken(command.count);
  });
  const packet: Packet = new lib.Packet();
  packet.alloc();
  const frame: Frame = new lib.Frame();
  frame.alloc();
  const { num, den } = stream.timeBase;
  const seconds = num / den;
  let shown = 0;

  /** Waits until it is due; where nobody knows when, it is now. */
  async function due(pts: bigint): Promise<void> {
    if (!input.paced || pts === constants.AV_NOPTS_VALUE) return;
    const wait = pace.wait(Number(pts) * seconds);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }

  const catchUp = createCatchUp(() => performance.now());
  const late = ({ dts, isKeyframe }: Packet): boolean =>
    !input.paced && dts !== constants.AV_NOPTS_VALUE && catchUp.skips(Number(dts) * seconds, isKeyframe);

  using corrupt = createCorruptCount((pictures) => link.tell({ type: 'corrupt', pictures }));

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

  for (;;) {
    const read = await format.readFrame(packet);
    if (read >= 0) {
      if (packet.streamIndex === stream.index) {
        if (jpeg) {
          await due(packet.pts);
          if (delivery.offerJpeg(packet)) shown++;
          else corrupt.add();
        } else if (!late(packet)) {
          if (decoder.sendPacketSync(packet) < 0) corrupt.add();
          await drain();
        }
      }
      packet.unref();
      continue;
    }
    if (read !== END_OF_FILE) {
      if (shown === 0) throw failureOf(read);
      return { kind: 'ended' };
    }
    if (!jpeg) {
      decoder.sendPacketSync(null);
      await drain();
    }
    if (shown === 0) throw new SourceFailure('corrupt', 'No picture in it could be decoded.');
    if (!loops) return { kind: request.source.kind === 'file' ? 'over' : 'ended' };
    decoder.flushBuffers();
    const start = stream.startTime === constants.AV_NOPTS_VALUE ? 0n : stream.startTime;
    const sought = await format.seekFrame(stream.index, start, constants.AVSEEK_FLAG_BACKWARD);
    if (sought < 0) throw failureOf(sought);
    // The last picture is shown as long as the others.
    await new Promise((resolve) => setTimeout(resolve, 1_000 / (input.fps ?? 25)));
    pace.restart();
  }
}
