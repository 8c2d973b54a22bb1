import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { DetectedObject } from '../../video/detector.ts';

/** Objects in one frame. */
const MOST = 500;

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** What was found, as it comes from outside: class, confidence from 0 to 1, and left, top, width and height. */
export const objectsSchema: z.ZodType<readonly DetectedObject[]> = z
  .array(
    z.strictObject({
      class: z.string().min(1).max(64),
      confidence: z.number().min(0).max(1),
      bbox: box,
    }),
  )
  .max(MOST);

/** Throws `invalid-request` for a box that is not inside of the frame, by the name of its field. */
export function checkBoxes(
  objects: readonly DetectedObject[],
  { width, height }: { readonly width: number; readonly height: number },
  field: string,
): void {
  for (const [i, { bbox }] of objects.entries()) {
    const [x, y, w, h] = bbox;
    if (x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= width && y + h <= height) continue;
    throw new PlayheadError(
      'invalid-request',
      `${field}.${i}.bbox: must be inside of the frame, which is ${width} by ${height} pixels`,
      { extensions: { field: `${field}.${i}.bbox` } },
    );
  }
}
