import { afterAll, expect, test } from 'vitest';
import { PATTERNS } from '../patterns.ts';
import type { VideoSourceSpec } from '../video.ts';
import { jpegBounds } from './child/jpeg-bounds.ts';
import { testVideo, watch } from './video.fixture.ts';

const video = testVideo();
afterAll(() => video[Symbol.asyncDispose]());

const DEMO: VideoSourceSpec = { kind: 'pattern', name: 'testsrc2', width: 320, height: 180, fps: 25 };

test('a pattern moves: it opens with what it is, and its pictures are numbered JPEGs of its size', async () => {
  using watched = watch(video, { source: DEMO });
  await watched.until(() => watched.pictures.length >= 10);
  expect(watched.abouts).toEqual([{ width: 320, height: 180, fps: 25, codec: 'rawvideo' }]);
  const { pictures } = watched;
  expect(pictures.map(({ number }) => number)).toEqual(pictures.map((_, index) => index + 1));
  for (const { jpeg, width, height, time } of pictures) {
    expect(jpegBounds(Buffer.from(jpeg))).toEqual({ width: 320, height: 180, tables: true });
    expect([width, height]).toEqual([320, 180]);
    expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
  }
  expect(new Set(pictures.map(({ jpeg }) => Buffer.from(jpeg).toString('base64'))).size).toBeGreaterThan(5);
});

test.each(PATTERNS)('the pattern %s is there', async (name) => {
  using watched = watch(video, { source: { ...DEMO, name }, width: 160, fps: 5 });
  await watched.until(() => watched.pictures.length >= 1);
  expect(watched.pictures[0]?.width).toBe(160);
  expect(watched.pictures[0]?.height).toBe(90);
});

test('a pattern that is none is not found, and nothing of its name is run', async () => {
  using watched = watch(video, { source: { ...DEMO, name: 'movie=/etc/passwd,testsrc2' } });
  expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'not-found' });
});

test('a picture is never enlarged', async () => {
  using watched = watch(video, { source: DEMO, width: 4_000 });
  await watched.until(() => watched.pictures.length >= 1);
  expect(watched.pictures[0]?.width).toBe(320);
});

test('a lower quality is fewer bytes', async () => {
  const sizes: number[] = [];
  for (const quality of [10, 50, 95]) {
    using watched = watch(video, { source: { ...DEMO, name: 'smptebars' }, quality });
    await watched.until(() => watched.pictures.length >= 1);
    sizes.push(watched.pictures[0]?.jpeg.length ?? 0);
  }
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(new Set(sizes).size).toBe(3);
});

test('whoever takes nothing is given two pictures, and the newest once it takes one', async () => {
  let takes = false;
  using watched = watch(video, { source: DEMO }, () => takes);
  using other = watch(video, { source: DEMO });
  await watched.until(() => watched.pictures.length === 2);
  const stalled = other.pictures.length;
  await other.until(() => other.pictures.length >= stalled + 25);
  expect(watched.pictures.length).toBe(2);
  const [, second] = watched.pictures;
  takes = true;
  watched.open.taken(1);
  await watched.until(() => watched.pictures.length >= 3);
  // It skipped what came meanwhile: about a second.
  expect((watched.pictures[2]?.time ?? 0) - (second?.time ?? 0)).toBeGreaterThan(500);
  expect(watched.pictures[2]?.number).toBe(3);
});

test('no more pictures come than were asked for', async () => {
  using watched = watch(video, { source: DEMO, fps: 5 });
  await watched.until(() => watched.pictures.length >= 8);
  const [first] = watched.pictures;
  const last = watched.pictures[7];
  expect((last?.time ?? 0) - (first?.time ?? 0)).toBeGreaterThanOrEqual(1_100);
});

test('disposing ends the process, and nothing is told behind it', async () => {
  const watched = watch(video, { source: DEMO });
  await watched.until(() => watched.pictures.length >= 1);
  const { pid } = watched.open;
  const count = watched.pictures.length;
  watched.open[Symbol.dispose]();
  expect(await watched.ended).toEqual({ kind: 'ended' });
  await gone(pid);
  expect(watched.pictures.length).toBe(count);
});

test('a process that was killed is told of by the name of the signal', async () => {
  using watched = watch(video, { source: DEMO });
  await watched.until(() => watched.pictures.length >= 1);
  process.kill(watched.open.pid ?? 0, 'SIGSEGV');
  const end = await watched.ended;
  expect(end.kind).toBe('died');
  expect(end).toMatchObject({ message: expect.stringContaining('SIGSEGV') });
});

test('a process that takes too much memory is ended', async () => {
  await using small = testVideo({ memoryBytes: 32 * 2 ** 20 });
  using watched = watch(small, { source: DEMO });
  expect(await watched.ended).toEqual({
    kind: 'died',
    message: 'Its process took more than 32 MiB of memory.',
  });
});

test('disposing all ends all processes, also those that have not begun', async () => {
  const all = testVideo();
  const running = watch(all, { source: DEMO });
  await running.until(() => running.pictures.length >= 1);
  const starting = watch(all, { source: DEMO });
  await all[Symbol.asyncDispose]();
  expect(await running.ended).toEqual({ kind: 'ended' });
  expect(await starting.ended).toEqual({ kind: 'ended' });
  for (const { open } of [running, starting]) expect(runs(open.pid)).toBe(false);
});

async function gone(pid: number | undefined): Promise<void> {
  while (runs(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

function runs(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
