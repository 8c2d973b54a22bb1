import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  type CameraSocket,
  cameras,
  childrenOf,
  makeCamera,
  sendFrame,
  viewCamera,
  watchCamera,
} from '../support/cameras.ts';
import { readFrame } from '../support/frames.ts';
import { JPEGS } from '../support/jpegs.ts';
import { gone, runs } from '../support/processes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { readPage } from '../support/streams.ts';
import { until } from '../support/within.ts';

const FPS = 15;
const PATTERN = `pattern:testsrc2?width=320&height=240&fps=${FPS}`;
const FRAMES = { protocols: ['playhead.frames.v1'] } as const;
/** How often a process is killed. */
const KILLS = 5;

/** The process that reads a camera: the only one that the server has. */
async function processOf(server: TestServer): Promise<number> {
  let pid = 0;
  await until(async () => {
    const [first = 0] = await childrenOf(server.pid);
    pid = first;
    return pid > 0;
  }, 'the process of a camera');
  return pid;
}

const timesOf = (viewer: CameraSocket): number[] =>
  viewer.binary.map((message) => readFrame(message).head.time);

describe('cameras whose processes die', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { PLAYHEAD_FRAME_LINGER_MS: '100', PLAYHEAD_RECORDING_FPS: '15' } });
  });
  afterAll(() => server?.stop());

  test('a process that is killed costs less than a second of frames, and its viewers nothing else', async () => {
    await makeCamera(server, { id: 'killed', url: PATTERN, recording: true });
    using viewer = await watchCamera(server, 'killed', FRAMES);
    await viewer.when(() => viewer.binary[5], 'frames');
    const lost: number[] = [];
    for (let i = 0; i < KILLS; i++) {
      const pid = await processOf(server);
      const before = viewer.binary.length;
      process.kill(pid, 'SIGKILL');
      await gone(pid);
      await viewer.when(() => viewer.binary[before + 5], 'frames of the next process');
      const times = timesOf(viewer).slice(before - 1);
      lost.push(Math.max(...times.slice(1).map((time, n) => time - (times[n] ?? 0))));
    }
    // A machine that is busy with something else may be slow to start a process, but not every time.
    expect(Math.min(...lost), `ms without a frame: ${lost.join(', ')}`).toBeLessThan(1000);
    const times = timesOf(viewer);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBe(times.length);
    // Each end is told, and says that it was killed.
    const { events } = await readPage(server, 'cameras/killed/events', '?after=start&limit=1000');
    const restarts = events.filter(({ type }) => type === 'restarting');
    expect(restarts).toHaveLength(KILLS);
    for (const { data } of restarts)
      expect(data).toMatchObject({
        message: expect.stringContaining('SIGKILL') as string,
        retry_ms: expect.any(Number) as number,
      });
    expect((await viewCamera(server, 'killed')).state.status).toBe('live');
    // The recorder is a viewer like the other: it went on all the time.
    const recorded = await readPage(server, 'cameras/killed/recording', '?after=start&limit=1000');
    expect(recorded.events.filter(({ type }) => type === 'begin')).toHaveLength(1);
    await cameras(server, 'DELETE', '/killed');
    await until(async () => (await childrenOf(server.pid)).length === 0, 'its process to end');
  });

  test('a process that hangs is told as frozen, and ended when nobody wants it', async () => {
    await using own = await startServer({
      env: {
        PLAYHEAD_CAMERA_FROZEN_MS: '500',
        PLAYHEAD_CAMERA_CHECK_MS: '50',
        PLAYHEAD_FRAME_LINGER_MS: '100',
      },
    });
    await makeCamera(own, { id: 'hung', url: PATTERN });
    const viewer = await watchCamera(own, 'hung', FRAMES);
    await viewer.when(() => viewer.binary[3], 'frames');
    const pid = await processOf(own);
    process.kill(pid, 'SIGSTOP');
    await cameraEvent(own, 'hung', 'frozen');
    expect((await viewCamera(own, 'hung')).state.status).toBe('frozen');
    process.kill(pid, 'SIGCONT');
    await cameraEvent(own, 'hung', 'recovered');
    process.kill(pid, 'SIGSTOP');
    viewer[Symbol.dispose]();
    await gone(pid);
  });

  test('L3 no detection that was acknowledged is lost, whatever is killed', async () => {
    await using own = await startServer();
    await makeCamera(own, { id: 'watched', url: PATTERN, detect: 'outside' });
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const viewer = await watchCamera(own, 'watched', FRAMES);
      await viewer.when(() => viewer.binary[0], 'a frame');
      const killing = killLater(own, round);
      for (let over = false; !over; ) {
        const newest = viewer.binary.at(-1);
        if (newest === undefined) break;
        const { number } = readFrame(newest).head;
        const objects = [{ class: 'thing', confidence: 1, bbox: [0, 0, 1, 1 + round] }];
        const answer = await cameras(own, 'POST', '/watched/detections', {
          frame: { number },
          objects,
        }).catch(() => undefined);
        if (answer?.status === 201) acknowledged.push(answer.json<{ position: string }>().position);
        over = await Promise.race([
          killing.then(() => true),
          new Promise<false>((resolve) => setImmediate(() => resolve(false))),
        ]);
      }
      await killing;
      viewer[Symbol.dispose]();
      if (round > 0) await own.restart();
    }
    expect(acknowledged.length).toBeGreaterThan(3);
    const kept = new Set<string>();
    for (let after = 'start'; ; ) {
      const { events, next } = await readPage(
        own,
        'cameras/watched/detections',
        `?after=${after}&limit=1000`,
      );
      for (const { position } of events) kept.add(position);
      if (events.length === 0) break;
      after = next;
    }
    expect(acknowledged.filter((position) => !kept.has(position))).toEqual([]);
  });

  test('a server that is killed leaves no process of a camera, and goes on with them when it is back', async () => {
    await using own = await startServer();
    await makeCamera(own, { id: 'orphan', url: PATTERN, detect: 'motion' });
    await makeCamera(own, { id: 'pushed' });
    await sendFrame(own, { camera_id: 'pushed', frame: JPEGS.red.toString('base64') });
    using viewer = await watchCamera(own, 'orphan', FRAMES);
    using other = await watchCamera(own, 'demo', FRAMES);
    await viewer.when(() => viewer.binary[1], 'frames');
    await other.when(() => other.binary[1], 'frames');
    const left = await childrenOf(own.pid);
    expect(left.length).toBeGreaterThan(1);
    await own.kill('SIGKILL');
    for (const pid of left) await gone(pid);
    await own.restart();
    using again = await watchCamera(own, 'orphan', FRAMES);
    await again.when(() => again.binary[1], 'frames after the restart');
    expect((await viewCamera(own, 'pushed')).id).toBe('pushed');
    const ended = await childrenOf(own.pid);
    await own.kill('SIGTERM');
    for (const pid of ended) expect(await runs(pid)).toBe(false);
  });

  test('F8 twenty viewers that come and go while the process is killed leave nothing behind', async () => {
    await using own = await startServer({ env: { PLAYHEAD_FRAME_LINGER_MS: '0' } });
    await makeCamera(own, { id: 'busy', url: PATTERN });
    const memory: number[] = [];
    for (let round = 0; round < 4; round++) {
      const viewers = await Promise.all(Array.from({ length: 20 }, () => watchCamera(own, 'busy')));
      await Promise.all(viewers.map((viewer) => viewer.when(() => viewer.texts[2], 'frames')));
      process.kill(await processOf(own), 'SIGKILL');
      const counts = viewers.map(({ texts }) => texts.length);
      await Promise.all(
        viewers.map((viewer, i) => viewer.when(() => viewer.texts[(counts[i] ?? 0) + 2], 'frames after')),
      );
      for (const viewer of viewers) viewer[Symbol.dispose]();
      await until(async () => (await viewCamera(own, 'busy')).viewers.length === 0, 'no viewer');
      await until(async () => (await childrenOf(own.pid)).length === 0, 'no process');
      memory.push(await residentBytes(own.pid));
    }
    const growth = (memory.at(-1) ?? 0) - (memory[1] ?? 0);
    expect(growth, memory.map((bytes) => Math.round(bytes / 2 ** 20)).join(', ')).toBeLessThan(48 * 2 ** 20);
  });
});

/** Kills in a moment: first the camera's process, then the server. */
async function killLater(server: TestServer, round: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  if (round > 0) await server.kill('SIGKILL');
  else process.kill(await processOf(server), 'SIGKILL');
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
