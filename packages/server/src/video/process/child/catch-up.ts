/** Decides which packets of a live source are not worth decoding. */
export interface CatchUp {
  /** Whether to pass over a packet; `at` is its place in the source, s. */
  skips(at: number, key: boolean): boolean;
}

/** Behind the camera by more than this, ms, only whole pictures are decoded, until it is less than the other. */
const BEHIND_MS = 1_000;
const CAUGHT_UP_MS = 400;
/** A step in the source's own time, s, that is none of a clock but a cut. */
const CUT_S = 10;
/** How far two clocks may go apart, s in a second, before that would count as being behind. */
const DRIFT = 0.001;

/**
 * A camera does not wait: where decoding is slower than it sends, packets pile up on the way and every picture is older
 * than the one before. So how late packets come is measured against the earliest that ever came, and what is too late is
 * passed over up to a picture that needs none before it.
 */
export function createCatchUp(now: () => number): CatchUp {
  let least = Number.POSITIVE_INFINITY;
  let measured = 0;
  let last = 0;
  let behind = false;
  return {
    skips(at, key) {
      const time = now();
      const late = time - at * 1_000;
      if (Math.abs(at - last) > CUT_S) least = Number.POSITIVE_INFINITY;
      last = at;
      least = Math.min(late, least + (time - measured) * DRIFT);
      measured = time;
      if (late - least > BEHIND_MS) behind = true;
      // Only there can decoding go on as if nothing had been left out.
      else if (key && late - least < CAUGHT_UP_MS) behind = false;
      return behind && !key;
    },
  };
}
