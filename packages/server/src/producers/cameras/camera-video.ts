import type { Clock } from '../../runtime/clock.ts';
import type { Video } from '../../video/video.ts';
import type { EventOutlet } from './camera-event.ts';
import type { CameraRecord } from './camera-record.ts';
import type { CameraStates } from './camera-state.ts';
import type { Findings } from './findings.ts';
import type { FrameTimes } from './frame-times.ts';
import type { CameraSettings } from './settings.ts';
import { type Prepared, VideoSource } from './video-source.ts';

/** A camera's URL as something to be filmed, as its record says now. What becomes of it goes to who keeps account of that. */
export function createCameraVideo(
  parts: {
    readonly video: Pick<Video, 'open'>;
    readonly clock: Clock;
    readonly settings: CameraSettings;
    readonly states: CameraStates;
    readonly outlet: EventOutlet;
    readonly findings: Findings;
    readonly times: FrameTimes;
    readonly prepare: () => Promise<Prepared>;
  },
  { id, fps, width, quality, detect }: CameraRecord,
): VideoSource {
  const { video, clock, settings, states, outlet, findings, times, prepare } = parts;
  return new VideoSource({
    ...{ video, clock, prepare },
    request: {
      ...{ id, fps, width, quality, openMs: settings.openMs },
      detector: detect === null || detect.kind === 'outside' ? null : detect,
    },
    retryMaxMs: settings.retryMaxMs,
    heard: {
      opening: () => states.opening(),
      opened: (about) => states.opened(about),
      arrived: (shot, looked) => {
        states.arrived();
        const time = times.filmed(shot);
        if (looked) findings.looking(time);
        return time;
      },
      detected: ({ time, objects }) => findings.found(time, objects),
      corrupt: (frames) => outlet.tell({ type: 'corrupt', frames }),
      detectorFailed: (message) => {
        outlet.tell({ type: 'detector-failed', message });
        findings.failed();
      },
      failed: (reason, message, retryMs) => states.failed(reason, message, retryMs),
      restarting: (message, retryMs) => states.restarting(message, retryMs),
      over: () => states.over(),
      closed: () => states.closed(),
    },
  });
}
