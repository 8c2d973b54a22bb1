import type { Frames, FrameStream } from '../../frames/frames.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import { RecentFrames } from './recent-frames.ts';

/** A stream of frames whose newest are remembered. */
export interface RememberedStream {
  readonly stream: FrameStream;
  readonly recent: RecentFrames;
}

/** Makes the stream. Throws `conflict` if there is one of that name. `most`: frames that are remembered. */
export async function openRememberedStream(
  { frames, clock }: { readonly frames: Frames; readonly clock: Clock },
  key: StreamKey,
  most?: number,
): Promise<RememberedStream> {
  const recent = new RecentFrames(most);
  const stream = await frames.open(key, undefined, (message, position) =>
    recent.add(message, position, clock.now()),
  );
  return { stream, recent };
}
