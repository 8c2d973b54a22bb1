import type { Clock } from '../../runtime/clock.ts';

/** A sender's clock may be so far ahead of ours, ms (D-28). */
const AHEAD_MS = 10_000;

/** The times by which the frames of a camera are known, ms since 1970: each is later than the one before. */
export interface FrameTimes {
  /** Of the newest frame; 0 before the first. */
  readonly newest: number;
  /** Gives the time of a frame that its source says is of `time`: a little later, if that is not after the newest. */
  filmed(time: number): number;
  /** Gives the time of a frame that somebody sends, now if it has none; undefined: it is not newer than the newest. */
  pushed(timestamp: number | undefined): number | undefined;
}

export function createFrameTimes(clock: Clock): FrameTimes {
  let newest = 0;
  return {
    get newest() {
      return newest;
    },
    filmed(time) {
      newest = Math.max(Math.floor(time), newest + 1);
      return newest;
    },
    pushed(timestamp) {
      const now = clock.now();
      const time = timestamp === undefined || timestamp > now + AHEAD_MS ? now : timestamp;
      if (time <= newest) return undefined;
      newest = time;
      return time;
    },
  };
}
