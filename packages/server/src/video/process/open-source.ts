import { LaunchFailure } from '../../launcher/launcher.ts';
import type { OpenVideo, VideoEnd, VideoRequest, VideoTarget } from '../video.ts';
import type { VideoParts, Work } from './create-video.ts';
import type { Framed } from './message-frames.ts';
import type { Message } from './messages.ts';
import { howItDied, startProcess, type VideoProcess } from './video-process.ts';

export interface OpenParts extends VideoParts {
  readonly work: Set<Work>;
  /** Why there is no video. */
  readonly missing: string | undefined;
}

/** Beyond the time that opening may take, for a process to say itself that it took too long. */
const GRACE_MS = 2_000;

/** Opens a source in a process of its own. */
export function openSource(parts: OpenParts, request: VideoRequest, target: VideoTarget): OpenVideo {
  const { clock, logger, missing } = parts;
  const { promise: ended, resolve } = Promise.withResolvers<VideoEnd>();
  let process: VideoProcess | undefined;
  let taken = 0;
  let over = false;

  function end(how: VideoEnd): void {
    if (over) return;
    over = true;
    late[Symbol.dispose]();
    process?.kill();
    logger.debug({ camera: request.id, end: how }, 'video ended');
    resolve(how);
  }

  const late = clock.after(request.openMs + GRACE_MS, () =>
    end({ kind: 'failed', reason: 'timeout', message: `It did not open within ${request.openMs} ms.` }),
  );

  function told({ head, body }: Framed): void {
    if (over) return;
    const message = head as Message;
    switch (message.type) {
      case 'opened': {
        late[Symbol.dispose]();
        const { width, height, fps, codec } = message;
        return target.opened({ width, height, fps, codec });
      }
      case 'picture': {
        const { number, width, height, time, looked = false } = message;
        return target.picture({ number, jpeg: body, width, height, time, looked });
      }
      case 'detected': {
        const { number, time, width, height, objects } = message;
        return target.detected({ number, time, width, height, objects });
      }
      case 'corrupt':
        return target.corrupt(message.pictures);
      case 'detector-failed':
        return target.detectorFailed(message.message);
      case 'ended':
        return end(message.end);
      case 'room':
      case 'piece':
        return;
    }
  }

  async function run(): Promise<void> {
    if (missing !== undefined) return end({ kind: 'failed', reason: 'missing', message: missing });
    try {
      const started = await startProcess(parts.launcher, parts.settings, told);
      process = started;
      if (over) started.kill();
      started.tell({ type: 'open', request });
      if (taken > 0) started.tell({ type: 'taken', count: taken });
      end({ kind: 'died', message: howItDied(await started.exited) });
    } catch (error) {
      if (!(error instanceof LaunchFailure)) throw error;
      end({ kind: 'died', message: `Its process did not start: ${error.message}` });
    }
  }

  const gone = run().catch((error: unknown) => {
    logger.error({ camera: request.id, err: error }, 'a process of video could not be started');
    end({ kind: 'died', message: 'Its process could not be started.' });
  });
  const self: Work = { end: () => end({ kind: 'ended' }), gone };
  parts.work.add(self);
  void gone.then(() => parts.work.delete(self));

  return {
    taken(count) {
      if (over || count <= taken) return;
      taken = count;
      process?.tell({ type: 'taken', count });
    },
    ended,
    get pid() {
      return process?.pid;
    },
    [Symbol.dispose]: () => self.end(),
  };
}
