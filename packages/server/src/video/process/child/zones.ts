import type { Polygon } from '../../detector.ts';

/** Where is looked at. */
export interface Zones {
  readonly zones: readonly Polygon[];
  readonly masks: readonly Polygon[];
}

/** Whether a place, in shares of width and height, is looked at: in a zone, if there are any, and in no mask. */
export function isLookedAt({ zones, masks }: Zones, x: number, y: number): boolean {
  return (
    (zones.length === 0 || zones.some((zone) => inside(zone, x, y))) &&
    !masks.some((mask) => inside(mask, x, y))
  );
}

/** By how many of its edges are crossed on the way to the right: even, and it is outside. */
function inside(polygon: Polygon, x: number, y: number): boolean {
  let odd = false;
  for (const [index, [toX, toY]] of polygon.entries()) {
    const [fromX, fromY] = polygon.at(index - 1) ?? [toX, toY];
    if (fromY > y !== toY > y && x < fromX + ((y - fromY) / (toY - fromY)) * (toX - fromX)) odd = !odd;
  }
  return odd;
}
