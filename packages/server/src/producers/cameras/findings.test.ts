import { expect, test } from 'vitest';
import { encodeFrameMessage } from '../../frames/frame-message.ts';
import { createHub } from '../../hub/create-hub.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import type { DetectedObject } from '../../video/detector.ts';
import { createDetections } from './detections.ts';
import { createFindings, type Findings } from './findings.ts';
import { type RecentFrame, RecentFrames } from './recent-frames.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'cameras/a/detections');
const WAIT = 100;
const OUTSIDE = { kind: 'outside' } as const;
const MOTION = { kind: 'motion', fps: 5, threshold: 0.1, area: 0.01, zones: [], masks: [] } as const;
const CAT: DetectedObject = { class: 'cat', confidence: 0.5, bbox: [0, 0, 1, 1] };
const DOG: DetectedObject = { class: 'dog', confidence: 0.5, bbox: [0, 0, 1, 1] };
const EPOCH = '0'.repeat(16);
const SIZE = { width: 4, height: 3 };

interface Kept {
  readonly frame: {
    readonly position: string | null;
    readonly number: number | null;
    readonly timestamp: number;
  };
  readonly detector: string;
  readonly late: boolean;
  readonly objects: readonly DetectedObject[];
}

interface Setup extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly findings: Findings;
  /** How often it was told that a frame may wait no longer. */
  readonly looked: () => number;
  /** A frame of that time gets its place. */
  place(time: number): RecentFrame;
  /** What is in the stream of detections. */
  kept(): Promise<readonly Kept[]>;
}

async function setup(): Promise<Setup> {
  const clock = manualClock();
  const log = createMemoryLog({ clock });
  const hub = createHub({ log, logger: silent });
  const created = await log.create(KEY);
  if (created.kind !== 'created') throw new Error(created.kind);
  const recent = new RecentFrames();
  let looked = 0;
  const findings = createFindings({
    ...{ recent, clock, logger: silent, waitMs: WAIT },
    detections: createDetections({ hub, key: KEY, clock }),
    looked: () => void looked++,
  });
  let number = 0;
  return {
    clock,
    findings,
    looked: () => looked,
    place(time) {
      const head = { ...SIZE, time, number: ++number };
      const message = encodeFrameMessage({ head, jpeg: Buffer.from('j') });
      const frame = recent.add(message, { epoch: EPOCH, offset: number }, clock.now());
      if (frame === undefined) throw new Error('no frame');
      return frame;
    },
    async kept() {
      // What was appended before is committed then, too.
      await hub.append(KEY, [{ type: 'end', data: 'null' }]);
      const slice = await log.read(KEY, created.bounds.start, { events: 1_000, bytes: 1e9 });
      if (slice.kind !== 'events') throw new Error(slice.kind);
      return slice.batches
        .flatMap(({ events }) => events)
        .filter(({ type }) => type !== 'end')
        .map(({ data }) => JSON.parse(String(data)) as Kept);
    },
    async [Symbol.asyncDispose]() {
      hub[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

test('F7 what is found before its frame has a place is brought to it when it has one', async () => {
  await using all = await setup();
  const { findings } = all;
  findings.begin(MOTION);
  findings.found(5, [CAT]);
  expect(await all.kept()).toEqual([]);
  all.place(4);
  const frame = all.place(5);
  expect([frame.objects, all.looked()]).toEqual([[CAT], 1]);
  expect(await all.kept()).toMatchObject([
    {
      frame: { position: expect.any(String), number: 2, timestamp: 5 },
      detector: 'motion',
      late: false,
      objects: [CAT],
    },
  ]);
});

test('F7 a frame that has gone on, or has waited for too long, stays as it was, and what was found is late', async () => {
  await using all = await setup();
  const { findings, clock } = all;
  findings.begin(OUTSIDE);
  const gone = all.place(1);
  gone.gone = true;
  expect((await findings.report(gone, 'yolo', [CAT])).late).toBe(true);
  const slow = all.place(2);
  clock.advance(WAIT + 1);
  expect((await findings.report(slow, 'yolo', [CAT])).late).toBe(true);
  const good = all.place(3);
  clock.advance(WAIT);
  expect((await findings.report(good, 'yolo', [CAT])).late).toBe(false);
  expect((await findings.report(good, 'tracker', [DOG])).late).toBe(false);
  expect([gone.objects, slow.objects, good.objects]).toEqual([undefined, undefined, [CAT, DOG]]);
  expect((await all.kept()).map(({ detector, late }) => [detector, late])).toEqual([
    ['yolo', true],
    ['yolo', true],
    ['yolo', false],
    ['tracker', false],
  ]);
});

test('F7 a frame waits for an outside detector until it or a newer one was looked at', async () => {
  await using all = await setup();
  const { findings } = all;
  const [one, two, three] = [all.place(1), all.place(2), all.place(3)];
  const awaited = (): boolean[] => [one, two, three].map((frame) => findings.awaits(frame));
  expect(awaited()).toEqual([false, false, false]);
  findings.begin(OUTSIDE);
  expect(awaited()).toEqual([true, true, true]);
  await findings.report(two, 'yolo', []);
  expect(awaited()).toEqual([false, false, true]);
});

test('F7 a frame waits for a detector of the server while it looks at this one, and for none that has failed', async () => {
  await using all = await setup();
  const { findings } = all;
  findings.begin(MOTION);
  const [one, two] = [all.place(1), all.place(2)];
  const awaited = (): boolean[] => [one, two].map((frame) => findings.awaits(frame));
  findings.looking(1);
  expect(awaited()).toEqual([true, false]);
  findings.found(1, []);
  expect(awaited()).toEqual([false, false]);
  findings.looking(2);
  expect([awaited(), all.looked()]).toEqual([[false, true], 1]);
  findings.failed();
  expect([awaited(), all.looked()]).toEqual([[false, false], 2]);
  findings.begin(MOTION);
  expect(awaited()).toEqual([false, true]);
});

test('F7 what a sender found is kept with the place of its frame, or with none if nobody watches', async () => {
  await using all = await setup();
  const { findings } = all;
  findings.pushed({ ...SIZE, time: 1 }, false, [CAT]);
  findings.pushed({ ...SIZE, time: 2 }, true, [DOG]);
  expect(await all.kept()).toMatchObject([
    {
      frame: { position: null, number: null, timestamp: 1 },
      detector: 'pushed',
      late: false,
      objects: [CAT],
    },
  ]);
  all.place(2);
  expect((await all.kept())[1]).toMatchObject({ frame: { number: 1, timestamp: 2 }, detector: 'pushed' });
});
