import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  cameras,
  type Detection,
  type FrameData,
  makeCamera,
  watchCamera,
} from '../support/cameras.ts';
import { colourModel } from '../support/onnx-model.ts';
import { readFrame } from '../support/frames.ts';
import { findFfmpeg, findOnnxRuntime } from '../support/optional.ts';
import { openSocket } from '../support/socket.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { readPage } from '../support/streams.ts';
import { until } from '../support/within.ts';

const ffmpeg = findFfmpeg();
const run = promisify(execFile);

const WIDTH = 320;
const HEIGHT = 240;

/** The rightmost column of a JPEG that is white. */
async function rightEdge(folder: string, jpeg: Buffer, name: string): Promise<number> {
  const file = join(folder, `${name}.jpg`);
  await writeFile(file, jpeg);
  const args = ['-loglevel', 'error', '-i', file, '-f', 'rawvideo', '-pix_fmt', 'gray', '-'];
  const { stdout } = await run(ffmpeg.path, args, { encoding: 'buffer' });
  let right = -1;
  for (let at = 0; at < stdout.length; at++) if ((stdout[at] ?? 0) > 128) right = Math.max(right, at % WIDTH);
  return right;
}

interface Found {
  readonly frame: { readonly position: string; readonly number: number; readonly timestamp: number };
  readonly late: boolean;
  readonly detector: string;
  readonly looked: number;
  readonly objects: readonly Detection[];
}

describe.skipIf(ffmpeg.missing)('detectors of the server', () => {
  let folder: string;
  let server: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-motion-'));
    // A white square that goes right by 8 pixels a frame.
    await run(ffmpeg.path, [
      ...['-loglevel', 'error', '-f', 'lavfi', '-i', `color=black:s=${WIDTH}x${HEIGHT}:r=10:d=20`],
      ...['-f', 'lavfi', '-i', 'color=white:s=40x40:r=10:d=20'],
      ...['-filter_complex', "overlay=x='mod(n*8,270)':y=100", '-c:v', 'mjpeg', '-q:v', '3'],
      join(folder, 'square.avi'),
    ]);
    server = await startServer({
      env: { PLAYHEAD_CAMERA_FOLDERS: folder, PLAYHEAD_CAMERA_DETECT_WAIT_MS: '5000' },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const found = async (id: string): Promise<Found[]> => {
    const { events } = await readPage(server, `cameras/${id}/detections`, '?after=start&limit=1000');
    return events.map(({ data }) => data as Found);
  };

  test('F7 CC-18 each box is of the very frame that it names, to the pixel, in the stream and for viewers', async () => {
    const url = `file://${join(folder, 'square.avi')}`;
    await makeCamera(server, { id: 'square', url, detect: { kind: 'motion', fps: 5 } });
    using socket = await openSocket(server);
    socket.send({ type: 'subscribe', stream: 'cameras/square/frames', delivery: 'every', id: 's' });
    await socket.answer('s');
    using viewer = await watchCamera(server, 'square');
    const withBoxes = (): FrameData[] =>
      viewer.frames.filter(({ detections }) => (detections?.length ?? 0) > 0);
    await until(
      async () =>
        (await found('square')).filter(({ objects }) => objects.length > 0).length >= 8 &&
        withBoxes().length >= 4,
      'frames with motion',
    );
    const frames = new Map<number, Buffer>();
    for (const message of socket.binary) {
      const { head, jpeg } = readFrame(message.subarray(2 + message.readUInt16BE(0)));
      frames.set(head.time, jpeg);
    }
    let compared = 0;
    for (const { frame, objects, detector, late } of await found('square')) {
      expect([detector, late]).toEqual(['motion', false]);
      const jpeg = frames.get(frame.timestamp);
      if (objects.length !== 1 || jpeg === undefined) continue;
      const [x = 0, y = 0, width = 0, height = 0] = objects[0]?.bbox ?? [];
      const edge = await rightEdge(folder, jpeg, String(frame.timestamp));
      // Where it begins anew at the left, the box goes over the whole way.
      if (edge < 60) continue;
      expect(Math.abs(x + width - 1 - edge)).toBeLessThanOrEqual(6);
      expect([y <= 104, y + height >= 136]).toEqual([true, true]);
      compared++;
    }
    expect(compared).toBeGreaterThan(2);
    // The documented socket has the same boxes on the same frames.
    const kept = new Map((await found('square')).map((one) => [one.frame.timestamp, one.objects]));
    for (const { timestamp, detections } of withBoxes())
      if (kept.has(timestamp)) expect(detections).toEqual(kept.get(timestamp));
    const times = viewer.frames.map(({ timestamp }) => timestamp);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('F7 a detector keeps its camera filmed though nobody watches, and tells that there is nothing', async () => {
    await makeCamera(server, { id: 'still', url: 'pattern:smptebars', detect: 'motion' });
    await until(async () => (await found('still')).length > 0, 'a frame that was looked at');
    const [first] = await found('still');
    expect(first).toMatchObject({ objects: [], looked: 1, detector: 'motion' });
    const { events } = await readPage(server, 'cameras/still/events', '?after=start');
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['opening', 'opened']));
    expect(events.map(({ type }) => type)).not.toContain('closed');
  });

  test.skipIf(findOnnxRuntime().missing)(
    'F7 CC-18 what a model finds goes with its frame, by the labels it was given; one that cannot be used is told',
    async () => {
      const red = 'drawbox=x=32:y=16:w=16:h=16:color=red:t=fill';
      await run(ffmpeg.path, [
        ...['-loglevel', 'error', '-f', 'lavfi', '-i', 'color=black:size=128x64:rate=10'],
        ...['-vf', `${red},drawbox=x=96:y=48:w=16:h=16:color=blue:t=fill`, '-t', '1'],
        ...['-c:v', 'libx264', '-crf', '8', '-pix_fmt', 'yuv444p', join(folder, 'colours.mp4')],
      ]);
      const model = join(folder, 'colours.onnx');
      await writeFile(model, colourModel({ answer: 'v8' }));
      const url = `file://${join(folder, 'colours.mp4')}`;
      const detect = { kind: 'onnx', model, labels: ['apple', 'plum'], confidence: 0.5, fps: 5 };
      await makeCamera(server, { id: 'fruit', url, detect });
      using viewer = await watchCamera(server, 'fruit');
      const seen = await viewer.frame(({ detections }) => (detections?.length ?? 0) > 0);
      expect(seen.detections?.map((one) => [one.class, ...one.bbox]).sort()).toEqual([
        ['apple', 32, 16, 16, 16],
        ['plum', 96, 48, 16, 16],
      ]);
      await until(
        async () => (await found('fruit')).some(({ frame }) => frame.timestamp === seen.timestamp),
        'the same in the stream',
      );
      const missing = { ...detect, model: join(folder, 'nowhere.onnx') };
      await makeCamera(server, { id: 'no-model', url, detect: missing });
      using other = await watchCamera(server, 'no-model');
      await cameraEvent(server, 'no-model', 'detector-failed');
      await other.frame(() => true, other.texts.length);
      const outside = await cameras(server, 'POST', '', {
        ...{ id: 'stray', url, detect: { ...detect, model: '/etc/hostname' } },
      });
      expect(outside.status).toBe(403);
    },
  );
});
