import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Film, Picture } from '../../frames/frames.ts';
import { encodeFrameMessage } from '../../frames/frame-message.ts';
import { createHub } from '../../hub/create-hub.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import { AnnotatedSource } from './annotated-source.ts';
import { type RecentFrame, RecentFrames } from './recent-frames.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'cameras/a/frames');
const WAIT = 100;

interface Setup extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly given: Picture[];
  readonly film: Film;
  /** Adds a frame of a time. */
  shoot(time: number): Promise<RecentFrame>;
  /** Somebody has looked. */
  look(frame: RecentFrame, name: string): Promise<void>;
}

async function turn(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** `keep`: pictures that are given on are taken at once. */
async function setup(keep = true, awaits: (frame: RecentFrame) => boolean = () => true): Promise<Setup> {
  const clock = manualClock();
  const log = createMemoryLog({ clock });
  const hub = createHub({ log, logger: silent });
  await log.create(KEY, { durability: 'volatile', contentType: 'application/octet-stream' });
  const recent = new RecentFrames();
  const source = new AnnotatedSource({ hub, clock, key: KEY, recent, waitMs: WAIT, awaits });
  const given: Picture[] = [];
  const film = await source.start({
    arrived(picture) {
      given.push(picture);
      if (keep) film?.taken(given.length);
    },
  });
  if (film === undefined) throw new Error('nothing to film');
  let number = 0;
  return {
    clock,
    given,
    film,
    async shoot(time) {
      const head = { number: ++number, time, width: 4, height: 3 };
      const message = encodeFrameMessage({ head, jpeg: Buffer.from(String(time)) });
      const appended = await hub.append(KEY, [{ type: 'frame', data: message }]);
      if (appended.kind !== 'appended') throw new Error(appended.kind);
      const frame = recent.add(message, appended.position, clock.now());
      await turn();
      if (frame === undefined) throw new Error('no frame');
      return frame;
    },
    async look(frame, name) {
      if (!frame.gone) frame.objects = [{ class: name, confidence: 1, bbox: [0, 0, 1, 1] }];
      source.looked();
      await turn();
    },
    async [Symbol.asyncDispose]() {
      film[Symbol.dispose]();
      hub[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

const names = ({ about }: Picture): unknown =>
  (about?.['detections'] as { class: string }[] | undefined)?.map((one) => one.class);

test('F7 a frame waits for what is found in it, and no longer than it may', async () => {
  await using it = await setup();
  const one = await it.shoot(1);
  expect(it.given).toEqual([]);
  await it.look(one, 'cat');
  expect(it.given.map((picture) => [picture.time, names(picture)])).toEqual([[1, ['cat']]]);
  const two = await it.shoot(2);
  it.clock.advance(WAIT - 1);
  expect(it.given).toHaveLength(1);
  it.clock.advance(1);
  await turn();
  expect(it.given.map((picture) => [picture.time, names(picture)])[1]).toEqual([2, undefined]);
  expect(two.gone).toBe(true);
});

test('F7 frames go on in their order, though what is found comes in another', async () => {
  await using it = await setup();
  const [one, two] = [await it.shoot(1), await it.shoot(2)];
  await it.look(two, 'dog');
  expect(it.given).toEqual([]);
  await it.look(one, 'cat');
  expect(it.given.map(({ time }) => time)).toEqual([1, 2]);
});

test('F7 a frame that nobody will look at does not wait', async () => {
  await using it = await setup(true, ({ number }) => number % 2 === 1);
  const one = await it.shoot(1);
  await it.look(one, 'cat');
  await it.shoot(2);
  expect(it.given.map(({ time }) => time)).toEqual([1, 2]);
});

test('D-30 whoever takes nothing causes no queue: newer frames are skipped, and the newest is next', async () => {
  await using it = await setup(false, () => false);
  for (let time = 1; time <= 20; time++) await it.shoot(time);
  expect(it.given.map(({ time }) => time)).toEqual([1, 2]);
  it.film.taken(2);
  await turn();
  expect(it.given.map(({ time }) => time)).toEqual([1, 2, 20]);
});

test('D-30 frames that wait are few, however many come', async () => {
  await using it = await setup();
  for (let time = 1; time <= 40; time++) await it.shoot(time);
  it.clock.advance(WAIT);
  await turn();
  it.clock.advance(WAIT);
  await turn();
  expect(it.given.length).toBeLessThanOrEqual(9);
  expect(it.given.at(-1)?.time).toBe(40);
});

test('F7 whatever the order of things, nothing is drawn on another frame, and no frame comes twice', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('shoot' as const) }),
    fc.record({ kind: fc.constant('look' as const), which: fc.nat(40) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using it = await setup();
      const frames: RecentFrame[] = [];
      for (const one of steps) {
        if (one.kind === 'shoot') frames.push(await it.shoot(frames.length + 1));
        else if (one.kind === 'wait') it.clock.advance(one.ms);
        else {
          const frame = frames[one.which % Math.max(1, frames.length)];
          if (frame !== undefined) await it.look(frame, String(frame.time));
        }
      }
      it.clock.advance(1000);
      await turn();
      const times = it.given.map(({ time }) => time);
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      for (const picture of it.given) {
        expect(Buffer.from(picture.jpeg).toString()).toBe(String(picture.time));
        const found = names(picture);
        if (found !== undefined) expect(found).toEqual([String(picture.time)]);
      }
    }),
    { numRuns: 60 },
  );
});
