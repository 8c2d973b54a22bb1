import { PlayheadError } from '@playhead/protocol';
import type { VideoEnd, WriteRequest } from '../video.ts';
import type { VideoParts, Work } from './create-video.ts';
import type { Message } from './messages.ts';
import { howItDied, startProcess, type VideoProcess } from './video-process.ts';

export interface WriteParts extends VideoParts {
  readonly work: Set<Work>;
  readonly missing: string | undefined;
}

/** Pictures that may be with the process. */
const AHEAD = 3;
/** Bytes of the file that may wait for the reader before the process is given no more pictures. */
const WAITING_MAX = 2 ** 20;

/** Writes a video file in a process of its own, as fast as its pieces are read. */
export async function* writeVideo(
  parts: WriteParts,
  { format, pictures, lastMs }: WriteRequest,
): AsyncIterable<Uint8Array> {
  if (parts.missing !== undefined) throw new PlayheadError('not-served', parts.missing);
  const pieces: Uint8Array[] = [];
  const turn = turnstile();
  let waiting = 0;
  let ahead = 0;
  let end: VideoEnd | undefined;
  let process: VideoProcess | undefined;

  function finish(how: VideoEnd): void {
    end ??= how;
    turn.wake();
  }

  const starting = startProcess(parts.launcher, parts.settings, ({ head, body }) => {
    const message = head as Message;
    if (message.type === 'piece') {
      pieces.push(body);
      waiting += body.length;
    } else if (message.type === 'room') ahead--;
    else if (message.type === 'ended') finish(message.end);
    turn.wake();
  });
  const self: Work = {
    end: () => {
      finish({ kind: 'ended' });
      process?.kill();
    },
    gone: starting.then(
      ({ exited }) => exited,
      () => undefined,
    ),
  };
  parts.work.add(self);
  void self.gone.then(() => parts.work.delete(self));

  async function feed(to: VideoProcess): Promise<void> {
    for await (const { jpeg, time } of pictures) {
      while (end === undefined && (ahead >= AHEAD || waiting > WAITING_MAX)) await turn.wait();
      if (end !== undefined) return;
      ahead++;
      if (!to.tell({ type: 'show', time }, jpeg)) await to.drained();
    }
    to.tell({ type: 'finish' });
  }

  try {
    process = await starting;
    if (end !== undefined) process.kill();
    void process.exited.then((exit) => finish({ kind: 'died', message: howItDied(exit) }));
    process.tell({ type: 'write', format, lastMs });
    let broken: { readonly error: unknown } | undefined;
    feed(process).catch((error: unknown) => {
      broken = { error };
      turn.wake();
    });
    for (;;) {
      const piece = pieces.shift();
      if (piece !== undefined) {
        waiting -= piece.length;
        turn.wake();
        yield piece;
      } else if (broken !== undefined) throw broken.error;
      else if (end !== undefined) break;
      else await turn.wait();
    }
    if (end.kind !== 'over') throw problemOf(end);
  } finally {
    self.end();
  }
}

function problemOf(end: VideoEnd): PlayheadError {
  if (end.kind === 'failed' && end.reason === 'no-video')
    return new PlayheadError('invalid-request', 'There is no picture to make a video of.');
  if (end.kind === 'failed') return new PlayheadError('not-served', end.message);
  return new PlayheadError('internal', end.kind === 'died' ? end.message : 'The video was not finished.');
}

/** Lets those that wait look again. */
function turnstile(): { wake(): void; wait(): Promise<void> } {
  let waiting: (() => void)[] = [];
  return {
    wake() {
      const all = waiting;
      waiting = [];
      for (const resume of all) resume();
    },
    wait: () => new Promise((resolve) => waiting.push(resolve)),
  };
}
