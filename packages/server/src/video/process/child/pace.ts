/** When pictures are due that are there before their time. */
export interface Pace {
  /** ms until a picture is due whose place in the source is `at` seconds; 0 or less: now. */
  wait(at: number): number;
}

/** Later than this, ms, and what comes is no longer hurried: it would be a burst. */
const LATE_MS = 500;
/** A step in the source's own time, s, that is none of a clock but a cut. */
const CUT_S = 10;

export function createPace(now: () => number): Pace {
  let began: number | undefined;
  let first = 0;
  let last = 0;
  return {
    wait(at) {
      const time = now();
      const cut = at < last || at > last + CUT_S;
      last = at;
      if (began === undefined || cut) {
        // Behind a cut the next picture is due now.
        began = time;
        first = at;
        return 0;
      }
      const wait = began + (at - first) * 1_000 - time;
      if (wait < -LATE_MS) began -= wait;
      return wait;
    },
  };
}
