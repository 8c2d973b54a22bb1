import { PlayheadError } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import { encodeFrameMessage } from '../frame-message.ts';
import type { Recording, RecordingRequest, Recordings, ShownAt } from '../recordings.ts';
import { createRecordings, type RecordingSettings } from './create-recordings.ts';
import { readEvents } from './read-events.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'test/recording');
const FRAMES = streamKey('acme', 'test/frames');
const STILL = 10_000;
const WISH = { fps: 1000 };
const settings: RecordingSettings = {
  ...{ fps: 2, stillMs: STILL, ageMs: 86_400_000, bytes: 2 ** 20, retryMs: 500 },
};

let clock: ManualClock;
let log: EventLog;
let hub: Hub;
let recordings: Recordings;
let recording: Recording;
/** Whether the source stands still, where it says so; and whether appends to the recording are refused. */
let standing = true;
let refusing: PlayheadError | undefined;
let number = 0;

function make(request: Partial<RecordingRequest> = { still: () => standing }): void {
  hub = createHub({ log, logger: silent });
  recordings = createRecordings({ log, hub, clock, logger: silent, settings });
  recording = recordings.open({ key: KEY, frames: FRAMES, ...request });
}

beforeEach(async () => {
  clock = manualClock();
  const memory = createMemoryLog({ clock });
  log = new Proxy(memory, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown =>
        name === 'append' && given[0] === KEY && refusing !== undefined
          ? Promise.reject(refusing)
          : Reflect.apply(value, target, given);
    },
  });
  [standing, refusing, number] = [true, undefined, 0];
  await log.create(FRAMES, { durability: 'volatile', contentType: 'application/octet-stream' });
  make();
});

afterEach(async () => {
  await recordings[Symbol.asyncDispose]();
  hub[Symbol.dispose]();
  await log[Symbol.asyncDispose]();
});

async function turn(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
  // A rate is kept in real time.
  await new Promise((resolve) => setTimeout(resolve, 2));
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A picture is shown; when. */
async function shoot(text: string): Promise<number> {
  const time = clock.now();
  const head = { number: ++number, time, width: 4, height: 2 };
  await hub.append(FRAMES, [{ type: 'frame', data: encodeFrameMessage({ head, jpeg: Buffer.from(text) }) }]);
  await turn();
  return time;
}

/** Time goes by. */
async function pass(ms: number): Promise<number> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(Math.min(left, 1000));
    await turn();
  }
  return clock.now();
}

async function types(): Promise<string> {
  const bounds = await log.bounds(KEY);
  const read =
    bounds === undefined
      ? undefined
      : await readEvents(log, KEY, bounds.start, { events: 1e6, bytes: 2 ** 24 });
  return (read?.entries ?? [])
    .map(({ event }) => {
      if (event === undefined) return '?';
      if (event.type === 'gap' || event.type === 'end') return `${event.type}:${event.reason}`;
      return event.type;
    })
    .join(' ');
}

function textOf(shown: ShownAt): string {
  switch (shown.kind) {
    case 'shown':
      return Buffer.from(shown.frame.jpeg).toString();
    case 'gap':
      return `gap:${shown.gap.reason}`;
    case 'nothing':
      return shown.reason;
  }
}

const at = async (time: number): Promise<string> => textOf(await recordings.at(KEY, time));

async function film(from: number, to: number): Promise<string> {
  const playing = await recordings.play(KEY, { from, to });
  if (playing === undefined) return 'nothing';
  const shown: string[] = [];
  for await (const { jpeg, time } of playing.pictures) shown.push(`${Buffer.from(jpeg).toString()}@${time}`);
  return `${shown.join(' ')} +${playing.lastMs}`;
}

describe('recording', () => {
  it('P-560 P-561 pictures that differ are kept, and one that does not change is noted', async () => {
    await recording.on(WISH);
    const a = await shoot('a');
    await pass(1000);
    await shoot('a');
    await pass(1000);
    const b = await shoot('b');
    await pass(25_000);
    expect(await types()).toBe('begin frame frame still still');
    expect(await at(a - 1)).toBe('before');
    expect(await at(a)).toBe('a');
    expect(await at(b - 1)).toBe('a');
    expect(await at(b)).toBe('b');
    expect(await at(b + 24_000)).toBe('b');
    expect(await recordings.at(KEY, b + 1)).toMatchObject({ kind: 'shown', final: true });
    expect(await recordings.at(KEY, clock.now())).toMatchObject({ kind: 'shown', final: false });
    // What notes refer to must not be trimmed before them.
    await pass(300_000);
    expect(await types()).toMatch(/^begin frame frame(?: still)+ frame/);
    expect(await film(a, clock.now())).toMatch(/^a@0 b@2000 \+\d+$/);
  });

  it('P-561 a rate is kept, and the newest picture is what counts', async () => {
    await recording.on({ fps: 1 });
    for (const text of ['a', 'b', 'c', 'd']) await shoot(text);
    expect(await types()).toBe('begin frame');
    await new Promise((resolve) => setTimeout(resolve, 1010));
    await turn();
    expect(await types()).toBe('begin frame frame');
    expect(await at(clock.now())).toBe('d');
  });

  it('P-564 a source that gives no pictures is a gap, and never filled', async () => {
    await recordings[Symbol.asyncDispose]();
    make({});
    await recording.on(WISH);
    const a = await shoot('a');
    const gone = await pass(1500);
    await shoot('b');
    const b = clock.now();
    await pass(30_000);
    expect(await types()).toBe('begin frame frame gap:no-pictures');
    expect([await at(a), await at(gone - 1), await at(b), await at(b + 1), await at(b + 20_000)]).toEqual([
      'a',
      'a',
      // After the moment of the last picture nothing is known.
      'b',
      'gap:no-pictures',
      'gap:no-pictures',
    ]);
    const c = await shoot('c');
    expect(await at(c)).toBe('c');
    expect(await recordings.at(KEY, b + 5000)).toMatchObject({ gap: { from: b + 1, to: c } });
    expect((await recordings.about(KEY))?.gaps).toEqual([{ reason: 'no-pictures', from: b + 1, to: c }]);
    expect(await film(a, clock.now())).toBe('a@0 b@1500 c@1501 +0');
  });

  it('P-564 a source that is slow is not silent', async () => {
    await recordings[Symbol.asyncDispose]();
    make({ silentMs: () => 9000 });
    await recording.on(WISH);
    for (const text of ['a', 'b', 'c']) {
      await shoot(text);
      await pass(8000);
    }
    expect(await types()).toBe('begin frame frame frame');
    await pass(4000);
    expect(await types()).toBe('begin frame frame frame gap:no-pictures');
  });

  it('P-565 switched off and on again it goes on behind what it has', async () => {
    await expect(recordings.at(KEY, 1)).resolves.toEqual({ kind: 'nothing', reason: 'not-recorded' });
    await recording.on(WISH);
    expect(recording.running).toMatchObject({ fps: 1000 });
    const a = await shoot('a');
    await pass(2000);
    await recording.off();
    await recording.off();
    expect(recording.running).toBeUndefined();
    await shoot('unseen');
    const off = await pass(5000);
    await recording.on(WISH);
    await turn();
    const again = await pass(1000);
    const b = await shoot('b');
    await pass(3000);
    expect(await types()).toBe('begin frame gap:off begin frame frame');
    expect([await at(a + 1000), await at(off - 1), await at(again - 1), await at(b)]).toEqual([
      'a',
      'gap:off',
      // The newest picture of a stream is there for whoever begins to watch.
      'unseen',
      'b',
    ]);
    expect((await recordings.about(KEY))?.gaps).toEqual([{ reason: 'off', from: a + 2000, to: off }]);
    // The film leaves the gap out.
    expect(await film(a, clock.now())).toBe('a@0 unseen@2000 b@3000 +0');
    expect(await film(off + 500, b - 1)).toBe('unseen@0 +499');
    expect(await film(a + 2500, off - 1)).toBe('nothing');
  });

  it('P-565 what a process that died recorded goes on with a gap, or ends with one', async () => {
    await recording.on(WISH);
    const a = await shoot('a');
    const noted = await pass(11_000);
    await pass(5000);
    // Nobody says a last word.
    hub[Symbol.dispose]();
    make();
    expect([await at(a), await at(noted - 1500), await at(noted)]).toEqual(['a', 'a', 'gap:lost']);
    await recording.on(WISH);
    const b = await shoot('b');
    expect(await types()).toBe('begin frame still gap:lost begin frame');
    expect([await at(noted + 1), await at(b - 1), await at(b)]).toEqual(['gap:lost', 'gap:lost', 'b']);
    hub[Symbol.dispose]();
    make();
    await recordings.settle(KEY);
    await recordings.settle(KEY);
    expect(await types()).toBe('begin frame still gap:lost begin frame end:lost');
    expect([await at(b - 1), await at(b), await at(b + 1)]).toEqual(['gap:lost', 'b', 'gap:lost']);
    expect(await recordings.about(KEY)).toMatchObject({
      closed: true,
      gaps: [{}, { from: b + 1, to: null }],
    });
    await expect(recording.on(WISH)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('P-565 the end of what is recorded closes the recording; one that never was stays none', async () => {
    await recording.finish();
    expect(await log.bounds(KEY)).toBeUndefined();
    await expect(recording.on(WISH)).rejects.toMatchObject({ code: 'conflict' });
    await recording[Symbol.asyncDispose]();
    recording = recordings.open({ key: KEY, frames: FRAMES, still: () => standing });
    await recording.on(WISH);
    const a = await shoot('a');
    await pass(3000);
    await recording.finish();
    expect(await types()).toBe('begin frame end:over');
    expect(await log.bounds(KEY)).toMatchObject({ closed: true });
    expect([await at(a + 2999), await at(a + 3000)]).toEqual(['a', 'gap:over']);
    expect(await film(0, Number.MAX_SAFE_INTEGER)).toBe('a@0 +3000');
    expect(await film(a + 1000, a + 2000)).toBe('a@0 +1000');
    expect(await recordings.delete(KEY)).toBe(true);
    expect(await at(a)).toBe('not-recorded');
    expect(await recordings.about(KEY)).toBeUndefined();
  });

  it('P-564 what cannot be written is a gap, told once something can be', async () => {
    await recording.on(WISH);
    const a = await shoot('a');
    await pass(1000);
    refusing = new PlayheadError('storage-full', 'The storage is full.');
    const lost = await shoot('b');
    await pass(3000);
    refusing = undefined;
    await pass(3000);
    const c = await shoot('c');
    await pass(1000);
    expect(await types()).toBe('begin frame gap:storage frame');
    expect([await at(a), await at(lost - 1), await at(lost), await at(c)]).toEqual([
      'a',
      'a',
      'gap:storage',
      'c',
    ]);
    refusing = new PlayheadError('too-large', 'A batch holds so much.');
    await shoot('huge');
    refusing = undefined;
    await shoot('d');
    expect(await types()).toBe('begin frame gap:storage frame gap:too-large frame');
    // The last word cannot be said: whoever records next says it.
    refusing = new PlayheadError('storage-full', 'The storage is full.');
    await recording.off();
    refusing = undefined;
    await recording.on(WISH);
    expect(await types()).toMatch(/frame gap:lost begin(?: frame)?$/);
  });

  it('D-5 what was erased is not shown, and what was trimmed is told apart from what never was', async () => {
    await recording.on(WISH);
    const a = await shoot('a');
    await pass(1000);
    const b = await shoot('b');
    await pass(1000);
    const c = await shoot('c');
    await pass(12_000);
    const shown = await recordings.at(KEY, b);
    if (shown.kind !== 'shown') throw new Error('not shown');
    await log.redact(KEY, shown.position);
    expect([await at(a), await at(b), await at(c - 1), await at(c)]).toEqual(['a', 'erased', 'erased', 'c']);
    expect(await film(a, clock.now())).toMatch(/^a@0 c@1000 \+\d+$/);
    await log.retain(KEY, { maxAge: 5000 });
    await pass(3000);
    expect([await at(a), await at(b)]).toEqual(['trimmed', 'trimmed']);
    // A note is left, but not what it refers to.
    expect(await at(clock.now())).toBe('trimmed');
    expect(await film(a, clock.now())).toBe('nothing');
  });

  it('P-560 a recorder is told from people, and leaves nothing behind', async () => {
    await recordings[Symbol.asyncDispose]();
    let seats = 0;
    make({
      seat() {
        seats++;
        return { [Symbol.dispose]: () => void seats-- };
      },
    });
    await recording.on(WISH);
    expect([seats, hub.stats.subscriptions]).toEqual([1, 1]);
    await recording.on({ fps: 500 });
    expect([seats, hub.stats.subscriptions, recording.running?.fps]).toEqual([1, 1, 500]);
    await log.delete(FRAMES);
    await turn();
    expect([seats, hub.stats.subscriptions]).toEqual([0, 0]);
    await recordings[Symbol.asyncDispose]();
    expect(recording.running).toBeUndefined();
    await expect(recording.on(WISH)).rejects.toMatchObject({ code: 'not-found' });
  });
});
