import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testVideo, watch, type Watched } from '../../packages/server/src/video/process/video.fixture.ts';
import type { MotionSettings, OnnxSettings, Polygon } from '../../packages/server/src/video/detector.ts';
import { colourModel } from '../support/onnx-model.ts';
import { findFfmpeg, findOnnxRuntime } from '../support/optional.ts';
import { ffmpeg, greyOf } from '../support/pictures.ts';

describe.skipIf(findFfmpeg().missing)('detectors', () => {
  const video = testVideo();
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-detect-'));
  });
  afterAll(async () => {
    await video[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  describe('motion', () => {
    const MOTION: MotionSettings = {
      kind: 'motion',
      fps: 10,
      threshold: 0.15,
      area: 0.0005,
      zones: [],
      masks: [],
    };
    const SIZE = { width: 480, height: 270 };
    let scene: string;

    beforeAll(async () => {
      scene = join(folder, 'motion.mp4');
      // A white rectangle goes to the right over noise that is none of motion.
      await ffmpeg([
        ...['-f', 'lavfi', '-i', `color=gray:size=${SIZE.width}x${SIZE.height}:rate=10,noise=alls=6:allf=t`],
        ...['-f', 'lavfi', '-i', 'color=white:size=48x32:rate=10'],
        ...['-filter_complex', "[0][1]overlay=x='60*t':y=120", '-t', '6', '-c:v', 'libx264', '-crf', '12'],
        ...['-pix_fmt', 'yuv420p', scene],
      ]);
    });

    const look = (settings: Partial<MotionSettings>, more: object = {}): Watched =>
      watch(video, {
        source: { kind: 'file', path: scene, loop: false },
        detector: { ...MOTION, ...settings },
        ...more,
      });

    /** Where the rectangle is, in the very picture: by its pixels. */
    async function rectangle(watched: Watched, number: number): Promise<[number, number, number, number]> {
      const picture = watched.pictures[number - 1];
      if (picture === undefined) throw new Error(`There is no picture ${number}.`);
      const grey = await greyOf(picture.jpeg);
      let [left, top, right, bottom] = [picture.width, picture.height, 0, 0];
      for (const [at, value] of grey.entries()) {
        if (value < 200) continue;
        const [x, y] = [at % picture.width, Math.floor(at / picture.width)];
        [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
      }
      return [left, top, right - left, bottom - top];
    }

    test.each([null, 240])(
      'F7 a box is where the thing is, in the pixels of the picture it names (width %s)',
      async (width) => {
        using watched = look({}, { width });
        expect(await watched.ended).toEqual({ kind: 'over' });
        // Behind the second in which the scene was learned, with the rectangle at its left.
        const began = watched.pictures[0]?.time ?? 0;
        const told = watched.detections.filter(({ time }) => time > began + 2_500);
        expect(told.length).toBeGreaterThan(5);
        const numbers = told.map(({ number }) => number);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        for (const { number, time, width: wide, height, objects } of told) {
          const picture = watched.pictures[number - 1];
          expect(picture).toMatchObject({ number, time, width: wide, height });
          expect(objects).toMatchObject([{ class: 'motion' }]);
          const there = await rectangle(watched, number);
          for (const [edge, value] of (objects[0]?.bbox ?? []).entries())
            expect(Math.abs(value - (there[edge] ?? 0))).toBeLessThanOrEqual(3);
        }
      },
    );

    test('F7 pictures that pass through untouched are looked at too', async () => {
      const path = join(folder, 'motion.avi');
      await ffmpeg(['-i', scene, '-c:v', 'mjpeg', '-q:v', '2', path]);
      using watched = watch(video, { source: { kind: 'file', path, loop: true }, detector: MOTION });
      await watched.until(() =>
        watched.detections.some(({ number, objects }) => number > 25 && objects.length === 1),
      );
      const found = watched.detections.findLast(({ objects }) => objects.length === 1);
      if (found === undefined) throw new Error('Nothing was found.');
      const there = await rectangle(watched, found.number);
      for (const [edge, value] of (found.objects[0]?.bbox ?? []).entries())
        expect(Math.abs(value - (there[edge] ?? 0))).toBeLessThanOrEqual(3);
    });

    test('F7 nothing is found outside of the zones, nor in a mask', async () => {
      const half = (from: number, to: number): Polygon => [
        [from, 0],
        [to, 0],
        [to, 1],
        [from, 1],
      ];
      for (const settings of [{ zones: [half(0.5, 1)] }, { masks: [half(0, 0.5)] }]) {
        using watched = look(settings);
        await watched.ended;
        const boxes = watched.detections.flatMap(({ objects }) => objects.map(({ bbox }) => bbox));
        expect(boxes.length).toBeGreaterThan(0);
        for (const [x] of boxes) expect(x).toBeGreaterThanOrEqual(SIZE.width / 2 - 4);
      }
    });

    test('F7 less than was asked for is nothing: told with no objects', async () => {
      using watched = look({ area: 0.5 });
      await watched.ended;
      expect(watched.detections.length).toBeGreaterThan(5);
      for (const { objects } of watched.detections) expect(objects).toEqual([]);
    });

    test('F7 a detector looks no more often than it is to', async () => {
      using watched = look({ fps: 2 });
      await watched.ended;
      expect(watched.detections.length).toBeGreaterThan(3);
      expect(watched.detections.length).toBeLessThanOrEqual(14);
    });
  });

  describe.skipIf(findOnnxRuntime().missing)('models', () => {
    const ONNX: Omit<OnnxSettings, 'model'> = {
      kind: 'onnx',
      fps: 20,
      labels: ['red', 'blue'],
      confidence: 0.5,
      overlap: 0.2,
      zones: [],
      masks: [],
    };
    let scene: string;

    beforeAll(async () => {
      scene = join(folder, 'colours.mp4');
      // Twice as wide as high: in the model's square there is grey above and below.
      await ffmpeg([
        ...['-f', 'lavfi', '-i', 'color=black:size=128x64:rate=10', '-vf'],
        'drawbox=x=32:y=16:w=16:h=16:color=red:t=fill,drawbox=x=96:y=48:w=16:h=16:color=blue:t=fill',
        ...['-t', '1', '-c:v', 'libx264', '-crf', '8', '-pix_fmt', 'yuv444p', scene],
      ]);
    });

    async function look(
      name: string,
      model: Uint8Array,
      settings: Partial<OnnxSettings> = {},
    ): Promise<Watched> {
      const path = join(folder, name);
      await writeFile(path, model);
      return watch(video, {
        source: { kind: 'file', path: scene, loop: true },
        detector: { ...ONNX, model: path, ...settings },
      });
    }

    const boxes = (watched: Watched): unknown =>
      watched.detections
        .at(-1)
        ?.objects.map(({ class: label, bbox }) => [label, ...bbox])
        .toSorted();

    test.each(['v5', 'v8'] as const)(
      'F7 objects are found by a model of the shape of YOLO%s',
      async (answer) => {
        using watched = await look(`${answer}.onnx`, colourModel({ answer }));
        await watched.until(() => watched.detections.length >= 3);
        expect(watched.troubles).toEqual([]);
        expect(boxes(watched)).toEqual([
          ['blue', 96, 48, 16, 16],
          ['red', 32, 16, 16, 16],
        ]);
        for (const { confidence } of watched.detections.at(-1)?.objects ?? []) {
          expect(confidence).toBeGreaterThan(0.8);
          expect(confidence).toBeLessThanOrEqual(1);
        }
      },
    );

    test('F7 a model that takes any size is given one', async () => {
      const model = colourModel({ answer: 'grid', input: [1, 3, 'height', 'width'] });
      using watched = await look('any.onnx', model);
      await watched.until(() => watched.troubles.length === 1);
      expect(watched.troubles[0]).toContain('[1, 2, 80, 80]');
    });

    test('F7 boxes lie inside of the picture, and those that overlap are one', async () => {
      using watched = await look('large.onnx', colourModel({ answer: 'v8', box: 40 }), { confidence: 0.3 });
      await watched.until(() => watched.detections.length >= 1);
      const objects = watched.detections[0]?.objects ?? [];
      expect(objects.map((object) => object.class).toSorted()).toEqual(['blue', 'red']);
      for (const { bbox } of objects) {
        const [x, y, width, height] = bbox;
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(x + width).toBeLessThanOrEqual(128);
        expect(y + height).toBeLessThanOrEqual(64);
      }
    });

    test('F7 zones and masks hold for objects too', async () => {
      const left: Polygon = [
        [0, 0],
        [0.5, 0],
        [0.5, 1],
        [0, 1],
      ];
      using watched = await look('zone.onnx', colourModel({ answer: 'v8' }), { masks: [left] });
      await watched.until(() => watched.detections.length >= 1);
      expect(boxes(watched)).toEqual([['blue', 96, 48, 16, 16]]);
    });

    test.each([
      ['an answer of another shape', colourModel({ answer: 'grid' }), {}, '[1, 2, 8, 8]'],
      ['labels of another number', colourModel({ answer: 'v8' }), { labels: ['one'] }, '[1, 6, 64]'],
      ['no picture to take', colourModel({ answer: 'v8', input: [1, 10] }), {}, 'cannot be loaded'],
      ['four colours', colourModel({ answer: 'v8', input: [1, 4, 64, 64] }), {}, ''],
      ['no model at all', Buffer.from('no model'), {}, 'cannot be loaded'],
      ['no labels', colourModel({ answer: 'v8' }), { labels: [] }, 'labels'],
    ])('F7 %s is told of once, in a sentence, and pictures go on', async (_, model, settings, words) => {
      using watched = await look('wrong.onnx', model, settings);
      await watched.until(() => watched.troubles.length > 0);
      const then = watched.pictures.length;
      await watched.until(() => watched.pictures.length > then + 5);
      expect(watched.troubles.length).toBe(1);
      expect(watched.troubles[0]).toMatch(/^[A-Z].*\.$/);
      expect(watched.troubles[0]).toContain(words);
      expect(watched.troubles[0]).not.toContain(folder);
      expect(watched.detections).toEqual([]);
    });

    test('F7 a model that is not there is told of', async () => {
      using watched = watch(video, {
        source: { kind: 'file', path: scene, loop: true },
        detector: { ...ONNX, model: join(folder, 'nowhere.onnx') },
      });
      await watched.until(() => watched.troubles.length > 0 && watched.pictures.length > 3);
    });
  });
});
