import type { DetectedObject } from '../../detector.ts';

export interface YoloOptions {
  readonly labels: readonly string[];
  readonly confidence: number;
  readonly overlap: number;
}

/** How a picture was put into the model's: made smaller by `scale`, its corner at `left` and `top`. */
export interface Placed {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
  /** Of the picture. */
  readonly width: number;
  readonly height: number;
}

/** How a model of the YOLO family answers: candidates in rows, with how sure it is of any object (v5), or in columns. */
export type YoloLayout =
  | { readonly kind: 'v5'; readonly candidates: number }
  | { readonly kind: 'v8'; readonly candidates: number };

const OBJECTS_MAX = 100;

/** What an answer of this shape means where there are so many classes; a sentence if it is none that is known. */
export function yoloLayout(shape: readonly (number | string)[], classes: number): YoloLayout | string {
  const [batch, second, third] = shape;
  if (shape.length === 3 && batch === 1) {
    if (second === 4 + classes && typeof third === 'number') return { kind: 'v8', candidates: third };
    if (third === 5 + classes && typeof second === 'number') return { kind: 'v5', candidates: second };
  }
  return (
    `The model answers in the shape [${shape.join(', ')}]. With ${classes} labels it would be ` +
    `[1, ${4 + classes}, N], as of YOLOv8, or [1, N, ${5 + classes}], as of YOLOv5.`
  );
}

/** Boxes in pixels of the picture, the surest first, of each thing one. */
export function yoloBoxes(
  data: Float32Array,
  layout: YoloLayout,
  placed: Placed,
  options: YoloOptions,
): readonly DetectedObject[] {
  const { candidates } = layout;
  const classes = options.labels.length;
  const v5 = layout.kind === 'v5';
  const first = v5 ? 5 : 4;
  const row = first + classes;
  const at = (candidate: number, field: number): number =>
    (v5 ? data[candidate * row + field] : data[field * candidates + candidate]) ?? 0;
  const found: DetectedObject[] = [];
  for (let candidate = 0; candidate < candidates; candidate++) {
    const any = v5 ? at(candidate, 4) : 1;
    if (!(any >= options.confidence)) continue;
    let best = 0;
    let number = -1;
    for (let one = 0; one < classes; one++) {
      const score = at(candidate, first + one) * any;
      if (score > best) {
        best = score;
        number = one;
      }
    }
    const label = options.labels[number];
    if (label === undefined || best < options.confidence) continue;
    const bbox = inPicture(at(candidate, 0), at(candidate, 1), at(candidate, 2), at(candidate, 3), placed);
    if (bbox !== undefined)
      found.push({ class: label, confidence: Math.min(1, Math.round(best * 1_000) / 1_000), bbox });
  }
  return distinct(found, options.overlap);
}

function inPicture(
  x: number,
  y: number,
  width: number,
  height: number,
  placed: Placed,
): DetectedObject['bbox'] | undefined {
  const { scale, left, top } = placed;
  const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, Math.round(value)));
  const x0 = clamp((x - width / 2 - left) / scale, placed.width);
  const y0 = clamp((y - height / 2 - top) / scale, placed.height);
  const x1 = clamp((x + width / 2 - left) / scale, placed.width);
  const y1 = clamp((y + height / 2 - top) / scale, placed.height);
  return x1 > x0 && y1 > y0 ? [x0, y0, x1 - x0, y1 - y0] : undefined;
}

/** Without those that overlap a surer one of their class by more than that. */
function distinct(objects: readonly DetectedObject[], overlap: number): readonly DetectedObject[] {
  const kept: DetectedObject[] = [];
  for (const object of objects.toSorted((a, b) => b.confidence - a.confidence)) {
    if (kept.length >= OBJECTS_MAX) break;
    if (!kept.some((other) => other.class === object.class && shared(other.bbox, object.bbox) > overlap))
      kept.push(object);
  }
  return kept;
}

/** Intersection over union. */
function shared(a: DetectedObject['bbox'], b: DetectedObject['bbox']): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}
