import { jsonLine } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { VideoFailure } from '../../video/video.ts';

/** The events of `cameras/{id}/events`. Each one's data is JSON with `type`, `camera_id` and `timestamp` besides these. */
export type CameraEvent =
  /** Somebody wants frames: the source is being opened. */
  | { readonly type: 'opening' }
  | {
      readonly type: 'opened' | 'resized';
      readonly width: number;
      readonly height: number;
      readonly fps: number | null;
      readonly codec: string;
    }
  /** Nobody wants frames any more. */
  | { readonly type: 'closed' }
  /** An open source brings no frames; pushes have ceased. `for_ms`: since when. */
  | { readonly type: 'frozen' | 'silent'; readonly for_ms: number }
  /** Frames come again. */
  | { readonly type: 'recovered'; readonly after_ms: number }
  /** `retry_ms`: when it is tried again, while somebody watches. */
  | {
      readonly type: 'failed';
      readonly reason: CameraFailure;
      readonly message: string;
      readonly retry_ms: number;
    }
  /** The process that read it ended, or the source did; it is opened again. */
  | { readonly type: 'restarting'; readonly message: string; readonly retry_ms: number }
  /** A file that is played once was played. */
  | { readonly type: 'over' }
  | { readonly type: 'corrupt'; readonly frames: number }
  | { readonly type: 'detector-failed'; readonly message: string }
  /** A viewer has left, and how it went. Ages are ms from when a frame was made to when it was sent. */
  | {
      readonly type: 'viewer-left';
      readonly viewer: string;
      readonly seconds: number;
      readonly frames: number;
      readonly dropped: number;
      readonly age_ms: { readonly mean: number; readonly max: number; readonly p99: number };
    }
  /** Frames that viewers who are still there did not get, since it was last told. */
  | { readonly type: 'dropped'; readonly frames: number; readonly viewers: number };

/** `limit`: as many sources are open as may be. */
export type CameraFailure = VideoFailure | 'limit';

export interface EventOutlet {
  tell(event: CameraEvent): void;
}

/** The way of one camera's events into its stream, in their order. One that the log refuses is logged and left out. */
export function createEventOutlet(parts: {
  readonly hub: Hub;
  readonly key: StreamKey;
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): EventOutlet {
  const { hub, key, id, clock, logger } = parts;
  return {
    tell({ type, ...rest }) {
      const timestamp = new Date(clock.now()).toISOString();
      const data = jsonLine({ type, camera_id: id, timestamp, ...rest });
      hub.append(key, [{ type, data }]).catch((error: unknown) => {
        logger.error({ stream: key, type, err: error }, 'an event of a camera was lost');
      });
    },
  };
}
