import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VideoPicture, WriteRequest } from '../video.ts';
import { testVideo, watch } from './video.fixture.ts';

const video = testVideo();
let folder: string;
let pictures: readonly VideoPicture[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'playhead-write-'));
  pictures = await film(320, 180, 20);
});
afterAll(async () => {
  await video[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function film(width: number, height: number, count: number): Promise<readonly VideoPicture[]> {
  using watched = watch(video, { source: { kind: 'pattern', name: 'testsrc2', width, height, fps: 25 } });
  await watched.until(() => watched.pictures.length >= count);
  return watched.pictures.slice(0, count);
}

type Shown = Pick<VideoPicture, 'jpeg' | 'time'>;

async function* every<T>(all: Iterable<T>): AsyncIterable<T> {
  yield* all;
}

async function written(
  format: WriteRequest['format'],
  shown: Iterable<Shown>,
  lastMs = 500,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of video.write({ format, pictures: every(shown), lastMs })) pieces.push(piece);
  const path = join(folder, `${pieces.length}-${Math.random()}.${format}`);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

/** What our own reading makes of a file: the very pictures, by their times from its beginning. */
async function readBack(path: string): Promise<{ codec: string; sizes: Set<string>; times: number[] }> {
  using watched = watch(video, { source: { kind: 'file', path, loop: false } });
  expect(await watched.ended).toEqual({ kind: 'over' });
  return {
    codec: watched.abouts[0]?.codec ?? '',
    sizes: new Set(watched.pictures.map(({ width, height }) => `${width}x${height}`)),
    times: watched.pictures.map(({ time }) => time - (watched.pictures[0]?.time ?? 0)),
  };
}

test.each([
  ['webm', 'vp8'],
  ['mp4', 'h264'],
] as const)('a file of %s has the pictures, each at its time', async (format, codec) => {
  // Slow enough that nobody who reads skips any.
  const slow = pictures.slice(0, 5).map(({ jpeg }, index) => ({ jpeg, time: 5_000 + index * 400 }));
  const back = await readBack(await written(format, slow));
  expect(back.codec).toBe(codec);
  expect(back.sizes).toEqual(new Set(['320x180']));
  expect(back.times.length).toBe(5);
  // Read at its own pace, so what is read last came no sooner than it was shown.
  expect(back.times.at(-1)).toBeGreaterThanOrEqual(1_000);
});

test('pictures of other sizes are fitted into the first, and what is no picture is passed over', async () => {
  const [tall] = await film(180, 320, 1);
  const [first, second] = pictures;
  if (tall === undefined || first === undefined || second === undefined) throw new Error('No picture.');
  const shown = [
    { jpeg: first.jpeg, time: 0 },
    { jpeg: tall.jpeg, time: 300 },
    { jpeg: Buffer.from('no picture'), time: 600 },
    { jpeg: second.jpeg.subarray(0, 1_000), time: 700 },
    { jpeg: second.jpeg, time: 900 },
  ];
  const back = await readBack(await written('mp4', shown));
  expect(back.sizes).toEqual(new Set(['320x180']));
  expect(back.times.length).toBe(3);
});

test('pictures of one ms, or out of order, stay in the order in which they came', async () => {
  const shown = pictures
    .slice(0, 6)
    .map(({ jpeg }, index) => ({ jpeg, time: [0, 0, 0, 50, 40, 300][index] ?? 0 }));
  await expect(written('webm', shown)).resolves.toMatch(/webm$/);
});

test('no picture at all is refused', async () => {
  await expect(written('mp4', [])).rejects.toMatchObject({ code: 'invalid-request' });
  await expect(written('webm', [{ jpeg: Buffer.from('none'), time: 0 }])).rejects.toMatchObject({
    code: 'invalid-request',
  });
});

test('pieces come while pictures do, and no more are asked for than the reader takes', async () => {
  let asked = 0;
  let left = false;
  async function* endless(): AsyncIterable<Shown> {
    try {
      for (let time = 0; ; time += 40) {
        const picture = pictures[asked++ % pictures.length];
        if (picture === undefined) return;
        yield { jpeg: picture.jpeg, time };
      }
    } finally {
      left = true;
    }
  }
  let bytes = 0;
  for await (const piece of video.write({ format: 'mp4', pictures: endless(), lastMs: 40 })) {
    bytes += piece.length;
    if (bytes > 200_000) break;
  }
  const then = asked;
  // Leaving ends the work: the pictures are let go, and nobody asks for more.
  while (!left) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(asked).toBeLessThanOrEqual(then + 1);
});

test('an error of the pictures is the error of the file', async () => {
  async function* failing(): AsyncIterable<Shown> {
    const [picture] = pictures;
    if (picture !== undefined) yield { jpeg: picture.jpeg, time: 0 };
    throw new Error('the disk is gone');
  }
  const pieces = video.write({ format: 'webm', pictures: failing(), lastMs: 40 });
  await expect(
    (async () => {
      for await (const _ of pieces);
    })(),
  ).rejects.toThrow('the disk is gone');
});
