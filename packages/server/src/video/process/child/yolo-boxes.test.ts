import { describe, expect, test } from 'vitest';
import { type Placed, yoloBoxes, yoloLayout } from './yolo-boxes.ts';

const OPTIONS = { labels: ['cat', 'dog'], confidence: 0.5, overlap: 0.5 };
/** A picture of 200 by 100 in a square of 100, with 25 above. */
const PLACED: Placed = { scale: 0.5, left: 0, top: 25, width: 200, height: 100 };

/** Rows as YOLOv8 answers them: by field, then by candidate. */
function columns(rows: readonly (readonly number[])[]): Float32Array {
  const fields = rows[0]?.length ?? 0;
  return Float32Array.from(
    { length: fields * rows.length },
    (_, at) => rows[at % rows.length]?.[Math.floor(at / rows.length)] ?? 0,
  );
}

describe('the shape of an answer', () => {
  test('tells the two kinds apart', () => {
    expect(yoloLayout([1, 84, 8400], 80)).toEqual({ kind: 'v8', candidates: 8400 });
    expect(yoloLayout([1, 25200, 85], 80)).toEqual({ kind: 'v5', candidates: 25200 });
  });

  test.each([[[1, 84]], [[1, 85, 8400]], [[2, 84, 8400]], [[1, 84, 'N']], [[]]])(
    'of another, %j, is said',
    (shape) => {
      expect(yoloLayout(shape, 80)).toContain(`[${shape.join(', ')}]`);
    },
  );
});

describe('boxes', () => {
  const v8 = (rows: readonly (readonly number[])[], options = OPTIONS): unknown =>
    yoloBoxes(columns(rows), { kind: 'v8', candidates: rows.length }, PLACED, options);

  test('are put back into the picture', () => {
    expect(v8([[50, 50, 20, 10, 0.1, 0.9]])).toEqual([
      { class: 'dog', confidence: 0.9, bbox: [80, 40, 40, 20] },
    ]);
  });

  test('end where the picture does, and what lies outside of it is none', () => {
    expect(v8([[0, 25, 40, 40, 0.9, 0]])).toEqual([{ class: 'cat', confidence: 0.9, bbox: [0, 0, 40, 40] }]);
    expect(v8([[50, 5, 10, 10, 0.9, 0]])).toEqual([]);
    expect(v8([[50, 50, 0, 10, 0.9, 0]])).toEqual([]);
  });

  test('of too little confidence, or of numbers that are none, are left out', () => {
    expect(v8([[50, 50, 20, 10, 0.4, 0.49]])).toEqual([]);
    expect(v8([[Number.NaN, 50, 20, 10, 0.9, 0]])).toEqual([]);
    expect(v8([[50, 50, 20, 10, Number.NaN, Number.NaN]])).toEqual([]);
  });

  test('of one thing are one, the surest; of two classes, or side by side, they are two', () => {
    const same = [
      [50, 50, 20, 20, 0.8, 0],
      [51, 50, 20, 20, 0.9, 0],
      [50, 50, 20, 20, 0, 0.7],
      [80, 50, 20, 20, 0.6, 0],
    ];
    expect(v8(same)).toMatchObject([
      { class: 'cat', confidence: 0.9 },
      { class: 'dog', confidence: 0.7 },
      { class: 'cat', confidence: 0.6 },
    ]);
    expect(v8(same, { ...OPTIONS, overlap: 1 })).toHaveLength(4);
  });

  test('of YOLOv5 are as sure as both its numbers together', () => {
    const rows = [
      [50, 50, 20, 10, 0.9, 0.8, 0.1],
      [50, 50, 20, 10, 0.6, 0.8, 0.1],
      [20, 50, 10, 10, 0.4, 1, 1],
    ];
    expect(yoloBoxes(Float32Array.from(rows.flat()), { kind: 'v5', candidates: 3 }, PLACED, OPTIONS)).toEqual(
      [{ class: 'cat', confidence: 0.72, bbox: [80, 40, 40, 20] }],
    );
  });

  test('are at most a hundred', () => {
    const rows = Array.from({ length: 500 }, (_, at) => [
      (at % 50) * 2,
      30 + Math.floor(at / 50) * 4,
      1,
      1,
      0.9,
      0,
    ]);
    expect(v8(rows)).toHaveLength(100);
  });
});
