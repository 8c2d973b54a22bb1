import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { DetectedObject } from '../../video/detector.ts';
import type { Detect } from './camera-record.ts';
import type { Detections, FoundIn } from './detections.ts';
import type { RecentFrame, RecentFrames } from './recent-frames.ts';

/**
 * What is found in a camera's frames. It is brought to the very frame that it was found in, which may get its place
 * before that or after; a frame that has gone on to viewers stays as it went, and what comes then is late. All of it is
 * kept in the camera's stream of detections.
 */
export interface Findings {
  /** From now on another detector looks, or none. */
  begin(detect: Detect | null): void;
  /** A detector of the server has begun to look at a frame: it takes one at a time. */
  looking(time: number): void;
  /** It will find nothing any more, until another begins. */
  failed(): void;
  /** Whether something may still be found in a frame. */
  awaits(frame: RecentFrame): boolean;
  /** A detector of the server has looked at the frame of that time, ms since 1970. */
  found(time: number, objects: readonly DetectedObject[]): void;
  /** The sender of a frame says what is in it. It has no place if nobody watches. */
  pushed(
    picture: Pick<FoundIn, 'time' | 'width' | 'height'>,
    watched: boolean,
    objects: readonly DetectedObject[],
  ): void;
  /** An outside detector has looked at a frame. Resolves once that is committed. */
  report(frame: RecentFrame, detector: string, objects: readonly DetectedObject[]): Promise<Reported>;
}

export interface Reported {
  /** Where it stands in the stream of detections; undefined: the stream is gone. */
  readonly position: string | undefined;
  /** The frame had gone on without it. */
  readonly late: boolean;
}

export function createFindings(parts: {
  readonly recent: RecentFrames;
  readonly detections: Detections;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a frame waits for what is found in it, ms. */
  readonly waitMs: number;
  /** Hears whenever a frame may have to wait no longer. */
  readonly looked: () => void;
}): Findings {
  const { recent, detections, clock, logger, waitMs, looked } = parts;
  let by: Detect | null = null;
  let down = false;
  /** Times of the newest frames that somebody has looked at, and that a detector of the server looks at. */
  let lastLooked = 0;
  let lookingAt = 0;

  /** True if the frame had gone on before. */
  function look(frame: RecentFrame, objects: readonly DetectedObject[]): boolean {
    const late = frame.gone || clock.now() - frame.placedAt > waitMs;
    if (!late) frame.objects = [...(frame.objects ?? []), ...objects];
    lastLooked = Math.max(lastLooked, frame.time);
    looked();
    return late;
  }

  function lost(error: unknown): void {
    logger.error({ err: error }, 'what a detector found was lost');
  }

  return {
    begin(detect) {
      by = detect;
      down = false;
    },
    looking(time) {
      lookingAt = time;
    },
    failed() {
      down = true;
      looked();
    },
    awaits({ time }) {
      if (by === null || down || time <= lastLooked) return false;
      return by.kind === 'outside' || time === lookingAt;
    },
    found(time, objects) {
      const detector = by?.kind ?? 'none';
      recent.when(time, (frame) => {
        const late = look(frame, objects);
        detections.follow({ frame, detector, late, objects }).catch(lost);
      });
    },
    pushed(picture, watched, objects) {
      const keep = (frame: FoundIn): void =>
        void detections.keep({ frame, detector: 'pushed', late: false, objects }).catch(lost);
      if (watched) recent.when(picture.time, keep);
      else keep({ ...picture, number: null, position: null });
    },
    async report(frame, detector, objects) {
      const late = look(frame, objects);
      return { position: await detections.keep({ frame, detector, late, objects }), late };
    },
  };
}
