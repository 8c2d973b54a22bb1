/**
 * Lets through at most so many pictures a second, evenly, also where those that come do not come evenly.
 *
 * A picture may be half an interval early, or a source of the very rate asked for would lose every other.
 */
export function createRateGate(fps: number | null): (now: number) => boolean {
  if (fps === null) return () => true;
  const interval = 1_000 / fps;
  let due = Number.NEGATIVE_INFINITY;
  return (now) => {
    if (now < due - interval / 2) return false;
    // Behind a pause it begins anew: what was missed is not made up for.
    due = now > due + interval ? now + interval : due + interval;
    return true;
  };
}
