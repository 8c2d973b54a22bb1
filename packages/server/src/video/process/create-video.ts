import type { Launcher } from '../../launcher/launcher.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Video } from '../video.ts';
import { missingVideo } from './missing-video.ts';
import { openSource } from './open-source.ts';
import { writeVideo } from './write-video.ts';
import type { VideoSettings } from './video-settings.ts';

export interface VideoParts {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: VideoSettings;
}

/** What goes on in a process: it adds itself when it is asked for, and leaves when its process is gone. */
export interface Work {
  end(): void;
  readonly gone: Promise<unknown>;
}

/** Makes what reads and writes video, each source in a process of its own. See video.ts for what it promises. */
export function createVideo(parts: VideoParts): Video {
  const work = new Set<Work>();
  const missing = missingVideo();
  const shared = { ...parts, work, missing };
  return {
    missing,
    write: (request) => writeVideo(shared, request),
    open: (request, target) => openSource(shared, request, target),
    async [Symbol.asyncDispose]() {
      for (const one of work) one.end();
      await Promise.all([...work].map(({ gone }) => gone));
    },
  };
}
