import type { DetectedObject, MotionSettings } from '../../detector.ts';
import { isLookedAt } from './zones.ts';

/** Finds what moves, in grey pictures of one size that come one behind the other. */
export interface Motion {
  /** `grey`: a byte a pixel, row by row. Boxes are in pixels of a picture of the size that is given. */
  look(
    grey: Uint8Array,
    size: { readonly width: number; readonly height: number },
  ): readonly DetectedObject[];
}

/** What came and stayed as it is for so many seconds belongs to the scene. */
const STILL_S = 2;
const STILL_LOOKS_LEAST = 5;
/** Cells of so many pixels a side: what differs in a cell is one thing, and what differs in one pixel alone is noise. */
const CELL = 4;
const CELL_LEAST = 2;
const OBJECTS_MAX = 32;

/**
 * Compares with the scene as it is without what moves. The scene follows slow changes of light, and takes in what came
 * and stays; so a box holds what is there now, and not also where it was a moment ago. A place that differs from the
 * scene is motion only while something in it changes: not where a thing was that has gone, nor where one came to rest.
 */
export function createMotion(settings: MotionSettings, width: number, height: number): Motion {
  const size = width * height;
  const least = Math.max(1, Math.round(settings.threshold * 255));
  const looked = new Uint8Array(size);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++)
      looked[at] = isLookedAt(settings, (x + 0.5) / width, (y + 0.5) / height) ? 1 : 0;
  const area = looked.reduce((sum, one) => sum + one, 0);
  const stillLooks = Math.min(250, Math.max(STILL_LOOKS_LEAST, Math.round(STILL_S * settings.fps)));
  /** The scene, in sixteenths; what was seen last; for how many looks a pixel has been still. */
  const scene = new Uint16Array(size);
  const last = new Uint8Array(size);
  const still = new Uint8Array(size);
  const differs = new Uint8Array(size);
  let begun = false;

  /** How many pixels differ from the scene. */
  function compare(grey: Uint8Array): number {
    let count = 0;
    for (let at = 0; at < size; at++) {
      const value = grey[at] ?? 0;
      const known = scene[at] ?? 0;
      still[at] = Math.abs(value - (last[at] ?? 0)) > least ? 0 : Math.min((still[at] ?? 0) + 1, 255);
      last[at] = value;
      let off = 0;
      if (Math.abs(value * 16 - known) <= least * 16) scene[at] = known + ((value * 16 - known) >> 4);
      else if ((still[at] ?? 0) >= stillLooks) scene[at] = value * 16;
      else off = looked[at] ?? 0;
      differs[at] = off;
      count += off;
    }
    return count;
  }

  /** Whether something in it changes; then none of it comes to rest. */
  function moves({ left, top, right, bottom }: Region): boolean {
    const each = (call: (at: number) => boolean): boolean => {
      for (let y = top; y < bottom; y++)
        for (let at = y * width + left; at < y * width + right; at++)
          if (differs[at] === 1 && call(at)) return true;
      return false;
    };
    if (!each((at) => still[at] === 0)) return false;
    each((at) => {
      still[at] = 0;
      return false;
    });
    return true;
  }

  return {
    look(grey, picture) {
      if (!begun) {
        begun = true;
        for (let at = 0; at < size; at++) scene[at] = (last[at] = grey[at] ?? 0) * 16;
        return [];
      }
      const count = compare(grey);
      if (count === 0 || count < settings.area * area) return [];
      const scaleX = picture.width / width;
      const scaleY = picture.height / height;
      return regions(differs, width, height)
        .filter(moves)
        .toSorted((a, b) => b.count - a.count)
        .slice(0, OBJECTS_MAX)
        .map(({ left, top, right, bottom, count: pixels }) => {
          const x = Math.floor(left * scaleX);
          const y = Math.floor(top * scaleY);
          return {
            class: 'motion',
            // How much of the box differs.
            confidence: Math.round((pixels / ((right - left) * (bottom - top))) * 1_000) / 1_000,
            bbox: [
              x,
              y,
              Math.min(picture.width, Math.ceil(right * scaleX)) - x,
              Math.min(picture.height, Math.ceil(bottom * scaleY)) - y,
            ],
          };
        });
    },
  };
}

interface Region {
  left: number;
  top: number;
  /** Of the first pixel that is outside again. */
  right: number;
  bottom: number;
  count: number;
}

/** What differs, put together where cells touch. */
function regions(differs: Uint8Array, width: number, height: number): readonly Region[] {
  const columns = Math.ceil(width / CELL);
  const rows = Math.ceil(height / CELL);
  const cells: (Region | undefined)[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      cells.push(cell(differs, width, height, column * CELL, row * CELL));
  const found: Region[] = [];
  for (let start = 0; start < cells.length; start++) {
    if (cells[start] === undefined) continue;
    const region: Region = { left: width, top: height, right: 0, bottom: 0, count: 0 };
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const one = cells[at];
      if (one === undefined) continue;
      cells[at] = undefined;
      region.left = Math.min(region.left, one.left);
      region.top = Math.min(region.top, one.top);
      region.right = Math.max(region.right, one.right);
      region.bottom = Math.max(region.bottom, one.bottom);
      region.count += one.count;
      const column = at % columns;
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++)
          if (column + dx >= 0 && column + dx < columns) open.push(at + dy * columns + dx);
    }
    found.push(region);
  }
  return found;
}

function cell(differs: Uint8Array, width: number, height: number, x: number, y: number): Region | undefined {
  const region: Region = { left: width, top: height, right: 0, bottom: 0, count: 0 };
  for (let row = y; row < Math.min(height, y + CELL); row++)
    for (let column = x; column < Math.min(width, x + CELL); column++) {
      if (differs[row * width + column] !== 1) continue;
      region.count++;
      region.left = Math.min(region.left, column);
      region.right = Math.max(region.right, column + 1);
      region.top = Math.min(region.top, row);
      region.bottom = Math.max(region.bottom, row + 1);
    }
  return region.count >= CELL_LEAST ? region : undefined;
}
