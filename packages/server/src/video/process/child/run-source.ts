import type { VideoEnd, VideoRequest } from '../../video.ts';
import type { Command } from '../messages.ts';
import { createCorruptCount } from './corrupt-count.ts';
import { createDelivery } from './delivery.ts';
import { SourceFailure } from './failure.ts';
import { openInput } from './input.ts';
import { library } from './library.ts';
import { type Link, leave } from './link.ts';
import { readInput } from './read-input.ts';

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
    end = await readAll(link, request, () => clearTimeout(late));
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

async function readAll(link: Link, request: VideoRequest, opened: () => void): Promise<VideoEnd> {
  const { source } = request;
  const loaded = await library();
  let input = await openInput(source);
  const delivery = createDelivery({ link, request, input, loaded, opened });
  using corrupt = createCorruptCount((pictures) => link.tell({ type: 'corrupt', pictures }));
  link.heard(({ head }) => {
    const command = head as Command;
    if (command.type === 'taken') delivery.taken(command.count);
  });
  for (;;) {
    const how = await readInput(input, { loaded, delivery, corrupt });
    if (how === 'broken' || source.kind !== 'file') return { kind: 'ended' };
    if (!source.loop) return { kind: 'over' };
    // The last picture is shown as long as the others.
    await new Promise((resolve) => setTimeout(resolve, 1_000 / (input.fps ?? 25)));
    // Opened anew: not everything can be wound back.
    input[Symbol.dispose]();
    input = await openInput(source);
  }
}
