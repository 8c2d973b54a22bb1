import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, LogEvent } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { streamKey } from '../log/stream-key.ts';
import { createHub } from './create-hub.ts';
import type { AttachRequest, Demand, Encoding, Hub, Sink, Subscription } from './hub.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'test/frames');

const numbers: Encoding = {
  encode: ({ first, events }) => Buffer.from(events.map((_event, i) => `${first + i} `).join('')),
  frame: (parts) => Buffer.concat(parts),
};

let log: EventLog;
let hub: Hub;
let told: Demand[];
let listening: Disposable;
let ended: string[];

beforeEach(async () => {
  log = createMemoryLog();
  hub = createHub({ log, logger: silent });
  await log.create(KEY);
  told = [];
  ended = [];
  listening = hub.demand(KEY, (demand) => told.push(demand));
});

afterEach(async () => {
  listening[Symbol.dispose]();
  hub[Symbol.dispose]();
  await log[Symbol.asyncDispose]();
});

interface Viewer {
  readonly sink: Sink & { text: string; open: boolean; readonly times: number[] };
  readonly subscription: Subscription;
}

async function view(more: Partial<AttachRequest> = {}, open = true): Promise<Viewer> {
  const sink = {
    encoding: numbers,
    text: '',
    open,
    times: [] as number[],
    receipt() {},
    write(chunk: Uint8Array): boolean {
      sink.text += Buffer.from(chunk).toString();
      sink.times.push(performance.now());
      return sink.open;
    },
    end(reason: string): void {
      ended.push(reason);
    },
  };
  const attached = await hub.attach({ key: KEY, from: 'live', delivery: 'latest', ...more }, sink);
  if (attached.kind !== 'attached') throw new Error(attached.kind);
  return { sink, subscription: attached.subscription };
}

const event = (data: string): LogEvent => ({ type: 'frame', data });

/** Appends, and waits until the turn behind it is over. */
async function frame(): Promise<void> {
  await hub.append(KEY, [event('x'.repeat(100))]);
  await turn();
}

async function turn(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('what is asked of a stream', () => {
  it('D-33 tells the first viewer, the last, and how far the fastest is', async () => {
    await frame();
    expect(told).toEqual([]);
    const fast = await view();
    await turn();
    expect(told.at(-1)).toEqual({ viewers: 1, intervalMs: 0, taken: 1 });
    const slow = await view({}, false);
    await turn();
    await frame();
    await frame();
    expect(told.at(-1)).toEqual({ viewers: 2, intervalMs: 0, taken: 3 });
    expect(slow.sink.text).toBe('1 ');
    fast.subscription[Symbol.dispose]();
    await turn();
    expect(told.at(-1)).toEqual({ viewers: 1, intervalMs: 0, taken: 1 });
    slow.subscription[Symbol.dispose]();
    expect(told.at(-1)).toEqual({ viewers: 0, intervalMs: 0, taken: 0 });
  });

  it('D-33 tells a listener that comes later, and has one a stream', async () => {
    await view();
    await turn();
    expect(() => hub.demand(KEY, () => {})).toThrow(TypeError);
    listening[Symbol.dispose]();
    const later: Demand[] = [];
    using _second = hub.demand(KEY, (demand) => later.push(demand));
    await view({ intervalMs: 50 });
    await turn();
    expect(later).toEqual([{ viewers: 2, intervalMs: 0, taken: 0 }]);
  });

  it('D-33 tells the least interval that anybody asks for', async () => {
    const one = await view({ intervalMs: 200 });
    await view({ intervalMs: 50 });
    await turn();
    expect(told.at(-1)).toMatchObject({ viewers: 2, intervalMs: 50 });
    await view({ delivery: 'every', intervalMs: 500 });
    await turn();
    expect(told.at(-1)).toMatchObject({ viewers: 3, intervalMs: 0 });
    one.subscription[Symbol.dispose]();
  });
});

describe('delivery latest', () => {
  it('CO-15 a viewer is given no more often than it asks, and then the newest', async () => {
    const viewer = await view({ intervalMs: 40 });
    const frames = setInterval(() => void hub.append(KEY, [event('x')]), 4);
    const enough = (): boolean => viewer.sink.times.length > 6 && viewer.subscription.dropped > 6;
    await expect.poll(enough, { timeout: 20_000 }).toBe(true);
    clearInterval(frames);
    const { times } = viewer.sink;
    // Counted from the first: a late timer does not make the next one early by more than it was late.
    times.forEach((time, i) => expect(time - (times[0] ?? 0)).toBeGreaterThanOrEqual(i * 40 - 1));
    expect(hub.stats.dropped).toBe(viewer.subscription.dropped);
    viewer.subscription[Symbol.dispose]();
  });

  it('CO-15 the last event arrives though it came between two slots, and then the end', async () => {
    const viewer = await view({ intervalMs: 30 });
    await frame();
    await frame();
    await hub.append(KEY, [event('last')], { close: true });
    await expect.poll(() => ended, { timeout: 10_000 }).toEqual(['finished']);
    expect(viewer.sink.text).toBe('1 3 ');
  });

  it('CO-15 the window keeps the newest event alone, however far behind a viewer is', async () => {
    const slow = await view({}, false);
    await frame();
    for (let i = 1; i < 50; i++) await hub.append(KEY, [event('x'.repeat(10_000))]);
    await turn();
    expect(hub.stats.windowBytes).toBeLessThan(25_000);
    slow.sink.open = true;
    slow.subscription.resume();
    await turn();
    expect(slow.sink.text).toBe('1 50 ');
    expect(slow.subscription.dropped).toBe(48);
  });

  it('CO-15 one that wants every event still gets it from the window', async () => {
    const thorough = await view({ delivery: 'every' }, false);
    await view();
    for (let i = 0; i < 5; i++) await frame();
    thorough.sink.open = true;
    thorough.subscription.resume();
    await turn();
    expect(thorough.sink.text).toBe('1 2 3 4 5 ');
  });
});
