import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CameraViewer, watchCamera } from '../camera-viewer.ts';
import { runToEnd, SERVER_CORE, startChild } from '../child.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { API_KEY, type Playhead, startPlayhead } from '../playhead.ts';
import { familyTicks } from '../process-status.ts';
import { programExists } from '../program-exists.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const CPU_TARGET = 1.15;
const AGE_TARGET = 80;
const MANY = 50;
const FPS = 30;
const TICKS_A_SECOND = 100;
const WARM_UP_MS = 2_000;

interface Watched {
  /** Of the server and its processes, cores. */
  readonly cpu: number;
  /** Frames a second that a viewer got: the mean of those that read. */
  readonly rate: number;
  readonly ages: readonly number[];
  readonly megabytes: number;
}

/** One H.264 file of 720p at 30 fps, shown by a camera; ffmpeg makes the same JPEGs of it beside. */
export async function cameras(settings: Settings): Promise<readonly Row[]> {
  if (!programExists('ffmpeg')) {
    settings.note('cameras: left out, there is no ffmpeg');
    return [];
  }
  settings.note('cameras');
  const file = join(settings.folder, 'camera.mp4');
  await runToEnd([
    ...['ffmpeg', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-t', '60'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '60', '-bf', '2', '-pix_fmt', 'yuv420p', file],
  ]);
  await using playhead = await startPlayhead(settings, undefined, {
    PLAYHEAD_CAMERA_FOLDERS: settings.folder,
    PLAYHEAD_CAMERA_PORT: '0',
    PLAYHEAD_CAMERA_DEMO: '0',
    // Each measurement opens the file anew.
    PLAYHEAD_FRAME_LINGER_MS: '100',
  });
  await playhead.request('POST', '/v1/cameras', { id: 'bench', url: `file://${file}` });
  const ms = settings.quick ? 8_000 : 20_000;
  const { one, many, stalled, bare } = await interleave<'one' | 'many' | 'stalled' | 'bare', Watched>(
    {
      one: () => watch(playhead, 1, 0, ms),
      bare: () => convert(file, ms),
      many: () => watch(playhead, MANY, 0, ms),
      stalled: () => watch(playhead, MANY, 1, ms),
    },
    settings.quick ? 2 : 5,
  );
  const cpu = (all: readonly Watched[]): readonly number[] => all.map((watched) => watched.cpu);
  const percent = (all: readonly Watched[]): string => `${(median(cpu(all)) * 100).toFixed(1)} % of a core`;
  const rate = (all: readonly Watched[]): number => median(all.map((watched) => watched.rate));
  const age = (all: readonly Watched[]): number => median(all.map(({ ages }) => percentile(ages, 0.99)));
  const ratio = pairwiseRatio(cpu(one), cpu(bare));
  const beside = pairwiseRatio(cpu(stalled), cpu(many));
  return [
    {
      what: '720p30 H.264 to JPEG at 30 fps for one viewer, CPU against ffmpeg doing the same',
      playhead: `${percent(one)}, ${rate(one).toFixed(1)} fps`,
      peer: `ffmpeg: ${percent(bare)}`,
      ratio,
      target: `≤ ${CPU_TARGET}`,
      met: ratio <= CPU_TARGET && rate(one) > FPS * 0.97,
    },
    {
      what: `the same for ${MANY} viewers: ${median(many.map(({ megabytes }) => megabytes)).toFixed(0)} MB/s in all`,
      playhead: `${percent(many)}, ${rate(many).toFixed(1)} fps each`,
      met: rate(many) > FPS * 0.97,
    },
    {
      what: 'age of a frame when it is at its one viewer, p99',
      playhead: `${age(one).toFixed(0)} ms`,
      target: `< ${AGE_TARGET} ms`,
      met: age(one) < AGE_TARGET,
    },
    {
      what: `the same at ${MANY} viewers`,
      playhead: `${age(many).toFixed(0)} ms`,
      target: `< ${AGE_TARGET} ms`,
      met: age(many) < AGE_TARGET,
    },
    {
      what: `${MANY} viewers beside one that takes nothing, CPU against ${MANY} alone; p99 of their frames`,
      playhead: `${percent(stalled)}, ${rate(stalled).toFixed(1)} fps each, ${age(stalled).toFixed(0)} ms`,
      peer: `alone: ${percent(many)}`,
      ratio: beside,
      target: '≤ 1.05',
      met: beside <= 1.05 && rate(stalled) > FPS * 0.97 && age(stalled) < AGE_TARGET,
    },
  ];
}

async function watch(playhead: Playhead, viewers: number, stalled: number, ms: number): Promise<Watched> {
  const url = new URL(`http://127.0.0.1:${playhead.port}/ws/stream/bench?token=${API_KEY}`);
  const all: CameraViewer[] = [];
  using stack = new DisposableStack();
  for (let number = 0; number < stalled; number++) stack.use(await watchCamera(url, false));
  for (let number = 0; number < viewers; number++) all.push(stack.use(await watchCamera(url)));
  while (all.some(({ frames }) => frames === 0)) await delay(20);
  await delay(WARM_UP_MS);
  const total = (): { frames: number; bytes: number } => ({
    frames: all.reduce((sum, { frames }) => sum + frames, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  for (const { ages } of all) ages.length = 0;
  const [before, ticks, began] = [total(), familyTicks(playhead.pid), performance.now()];
  await delay(ms);
  const [after, used, seconds] = [
    total(),
    familyTicks(playhead.pid) - ticks,
    (performance.now() - began) / 1_000,
  ];
  return {
    cpu: used / TICKS_A_SECOND / seconds,
    rate: (after.frames - before.frames) / seconds / viewers,
    megabytes: (after.bytes - before.bytes) / seconds / 1e6,
    ages: all.flatMap(({ ages }) => ages),
  };
}

/** The same work by ffmpeg itself, on the core of the server. */
async function convert(file: string, ms: number): Promise<Watched> {
  await using child = await startChild({
    argv: [
      ...['ffmpeg', '-nostdin', '-re', '-stream_loop', '-1', '-i', file, '-an', '-c:v', 'mjpeg', '-q:v', '6'],
      ...['-f', 'mjpeg', '-y', '/dev/null'],
    ],
    core: SERVER_CORE,
    ready: /frame=/,
  });
  await delay(WARM_UP_MS);
  const [ticks, began] = [familyTicks(child.pid), performance.now()];
  await delay(ms);
  const seconds = (performance.now() - began) / 1_000;
  return {
    cpu: (familyTicks(child.pid) - ticks) / TICKS_A_SECOND / seconds,
    rate: FPS,
    megabytes: 0,
    ages: [],
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
