import type { Position, Receipt } from '@playhead/protocol';
import { parsePosition } from '@playhead/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, LogEvent } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { type StreamKey, streamKey } from '../log/stream-key.ts';
import { createHub } from './create-hub.ts';
import type { AttachRequest, Encoding, EndReason, Hub, Sink, Subscription } from './hub.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = streamKey('acme', 'test/one');

/** One line per event: its offset and data. */
const lines: Encoding = {
  encode: ({ first, events }) =>
    Buffer.from(events.map((event, i) => `${first + i}=${String(event.data)}\n`).join('')),
  frame: (parts) => Buffer.concat(parts),
};

/** A sink that keeps what it gets and stops taking more when told to. */
class Recorder implements Sink {
  readonly encoding: Encoding = lines;
  readonly receipts: Receipt[] = [];
  readonly chunks: Uint8Array[] = [];
  ended: EndReason | undefined;
  open = true;
  subscription: Subscription | undefined;

  receipt(receipt: Receipt): void {
    this.receipts.push(receipt);
  }
  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return this.open;
  }
  end(reason: EndReason): void {
    this.ended = reason;
  }
  reopen(): void {
    this.open = true;
    this.subscription?.resume();
  }
  get lines(): string[] {
    return Buffer.concat(this.chunks).toString().split('\n').slice(0, -1);
  }
  get offsets(): number[] {
    return this.lines.map((line) => Number(line.split('=')[0]));
  }
}

let log: EventLog;
let hub: Hub;

beforeEach(() => {
  log = createMemoryLog();
  hub = createHub({ log, logger: silent, windowBytes: 4096, chunkBytes: 1024 });
});

afterEach(async () => {
  hub[Symbol.dispose]();
  await log[Symbol.asyncDispose]();
});

function events(count: number, text = 'x'): LogEvent[] {
  return Array.from({ length: count }, () => ({ type: 't', data: JSON.stringify(text) }));
}

async function attach(
  from: AttachRequest['from'],
  delivery: AttachRequest['delivery'] = 'every',
  key: StreamKey = KEY,
): Promise<Recorder> {
  const sink = new Recorder();
  const attached = await hub.attach({ key, from, delivery }, sink);
  expect(attached.kind).toBe('attached');
  if (attached.kind === 'attached') sink.subscription = attached.subscription;
  return sink;
}

/** Turns the event loop until the condition holds; the test's own time limit bounds it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

function position(text: string | undefined): Position {
  const parsed = parsePosition(text ?? '');
  if (parsed === undefined) throw new Error(`no position: ${text}`);
  return parsed;
}

describe('Hub', () => {
  it('F4 tells the receipt first, then replays, then goes on live', async () => {
    await log.create(KEY);
    await hub.append(KEY, events(3));
    const sink = await attach('start');
    expect(sink.receipts).toMatchObject([{ requested: null, missed: 0, gap: false }]);
    await until(() => sink.offsets.length === 3);
    await hub.append(KEY, events(2));
    await until(() => sink.offsets.length === 5);
    expect(sink.offsets).toEqual(range(1, 5));
  });

  it('resumes behind the position it is given, not at it', async () => {
    await log.create(KEY);
    const first = await hub.append(KEY, events(2));
    await hub.append(KEY, events(3));
    if (first.kind !== 'appended') throw new Error(first.kind);
    const sink = await attach(first.position);
    await until(() => sink.offsets.length === 3);
    expect(sink.offsets).toEqual([3, 4, 5]);
    expect(sink.receipts[0]).toMatchObject({ missed: 0, gap: false });
  });

  it('shows events that were appended past the hub, and those of both ways in order', async () => {
    await log.create(KEY);
    const sink = await attach('live');
    await Promise.all([
      hub.append(KEY, events(1, 'hub')),
      log.append(KEY, events(2, 'log')),
      hub.append(KEY, events(1, 'hub')),
      log.append(KEY, events(3, 'log')),
    ]);
    await until(() => sink.offsets.length === 7);
    expect(sink.offsets).toEqual(range(1, 7));
  });

  it('gives subscribers at one cursor the same bytes, in one write', async () => {
    await log.create(KEY);
    const sinks = [await attach('live'), await attach('live'), await attach('live')];
    await Promise.all([hub.append(KEY, events(1)), hub.append(KEY, events(1)), hub.append(KEY, events(1))]);
    await until(() => sinks.every((sink) => sink.offsets.length === 3));
    expect(sinks[0]?.chunks[0]).toBe(sinks[1]?.chunks[0]);
    expect(sinks[0]?.chunks[0]).toBe(sinks[2]?.chunks[0]);
    expect(sinks[0]?.chunks).toHaveLength(1);
  });

  it('every chunk says whether anything follows it, from the engine as from the window', async () => {
    await log.create(KEY);
    await hub.append(KEY, events(2, 'x'.repeat(900)));
    await hub.append(KEY, events(1, 'x'.repeat(900)));
    const ends: string[] = [];
    const sink: Sink = {
      encoding: {
        ...lines,
        frame: (parts, end) => {
          ends.push(`${end?.next.offset} ${end?.live === true ? 'live' : 'more'} ${end?.closed}`);
          return lines.frame(parts, end);
        },
      },
      receipt() {},
      write: () => true,
      end() {},
    };
    await hub.attach({ key: KEY, from: 'start', delivery: 'every' }, sink);
    await until(() => ends.some((end) => end.startsWith('3')));
    await hub.append(KEY, events(1));
    await hub.append(KEY, events(1), { close: true });
    await until(() => ends.some((end) => end.startsWith('5')));
    expect(ends.filter((end) => !end.startsWith('4'))).toEqual([
      '2 more false',
      '3 live false',
      '5 live true',
    ]);
  });

  it('a blocked subscriber is read nothing for, holds nobody up, and misses nothing when it resumes', async () => {
    await log.create(KEY);
    const slow = await attach('live');
    const fast = await attach('live');
    slow.open = false;
    for (let i = 0; i < 200; i++) await hub.append(KEY, events(5, 'some text to fill the window with'));
    await until(() => fast.offsets.length === 1000);
    expect(slow.chunks.length).toBeLessThanOrEqual(1);
    expect(hub.stats.windowBytes).toBeLessThanOrEqual(8192);
    slow.reopen();
    await until(() => slow.offsets.length === 1000);
    expect(slow.offsets).toEqual(range(1, 1000));
  });

  it('F8 delivery latest skips to the newest event and counts what it left out', async () => {
    await log.create(KEY);
    const sink = await attach('live', 'latest');
    sink.open = false;
    await hub.append(KEY, events(1));
    await until(() => sink.chunks.length === 1);
    for (let i = 0; i < 50; i++) await hub.append(KEY, events(1));
    sink.reopen();
    await until(() => sink.offsets.at(-1) === 51);
    expect(sink.offsets).toEqual([1, 51]);
    expect(sink.subscription?.dropped).toBe(49);
  });

  it('delivery latest gives a late joiner the newest event at once', async () => {
    await log.create(KEY);
    await hub.append(KEY, events(9));
    const sink = await attach('live', 'latest');
    await until(() => sink.offsets.length === 1);
    expect(sink.offsets).toEqual([9]);
  });

  it('L8 ends subscribers of a closed stream after its last event', async () => {
    await log.create(KEY);
    const waiting = await attach('live');
    await hub.append(KEY, events(2), { close: true });
    await until(() => waiting.ended !== undefined);
    expect(waiting.ended).toBe('finished');
    expect(waiting.offsets).toEqual([1, 2]);
    const late = await attach('start');
    await until(() => late.ended !== undefined);
    expect(late.offsets).toEqual([1, 2]);
    const end = position(late.receipts[0]?.latest);
    const sink = new Recorder();
    expect(await hub.attach({ key: KEY, from: end, delivery: 'every' }, sink)).toEqual({ kind: 'finished' });
    expect(sink.receipts).toEqual([]);
  });

  it('ends subscribers when a stream is closed without an event, and when it is deleted', async () => {
    await log.create(KEY);
    const closing = await attach('live');
    await log.close(KEY);
    await until(() => closing.ended !== undefined);
    expect(closing.ended).toBe('finished');
    const other = streamKey('acme', 'test/two');
    await log.create(other);
    const deleting = await attach('live', 'every', other);
    await log.delete(other);
    await until(() => deleting.ended !== undefined);
    expect(deleting.ended).toBe('deleted');
  });

  it('D-7 says how much is missing of a position behind retention, and begins at the earliest', async () => {
    await log.create(KEY, { retention: { maxBytes: 2000 } });
    const first = await hub.append(KEY, events(1));
    if (first.kind !== 'appended') throw new Error(first.kind);
    for (let i = 0; i < 100; i++) await hub.append(KEY, events(1, 'y'.repeat(100)));
    const bounds = await log.bounds(KEY);
    if (bounds === undefined) throw new Error('no bounds');
    expect(bounds.earliest.offset).toBeGreaterThan(2);
    const sink = await attach(first.position);
    await until(() => sink.offsets.at(-1) === 101);
    expect(sink.receipts[0]).toMatchObject({ missed: bounds.earliest.offset - 2, gap: true });
    expect(sink.offsets).toEqual(range(bounds.earliest.offset, 101));
  });

  it('D-7 never waits for a position ahead of the latest or of another epoch: it begins at the earliest', async () => {
    await log.create(KEY);
    await hub.append(KEY, events(3));
    const bounds = await log.bounds(KEY);
    const ahead = await attach({ epoch: bounds?.latest.epoch ?? '', offset: 99 });
    const foreign = await attach({ epoch: '0000000000000000', offset: 2 });
    for (const sink of [ahead, foreign]) {
      await until(() => sink.offsets.length === 3);
      expect(sink.receipts[0]).toMatchObject({ missed: null, gap: true });
    }
  });

  it('tells that there is no stream without touching the sink, and keeps nothing of it', async () => {
    const sink = new Recorder();
    expect(await hub.attach({ key: KEY, from: 'start', delivery: 'every' }, sink)).toEqual({
      kind: 'missing',
    });
    expect(sink.receipts).toEqual([]);
    expect(hub.stats).toEqual({ streams: 0, subscriptions: 0, windowBytes: 0, dropped: 0 });
  });

  it('forgets a stream with its last subscriber', async () => {
    await log.create(KEY);
    const sink = await attach('live');
    expect(hub.stats.streams).toBe(1);
    sink.subscription?.[Symbol.dispose]();
    expect(hub.stats).toEqual({ streams: 0, subscriptions: 0, windowBytes: 0, dropped: 0 });
    await hub.append(KEY, events(1));
    expect(sink.chunks).toEqual([]);
  });

  it('F14 drain ends subscriptions as draining, and takes no new ones', async () => {
    await log.create(KEY);
    const sink = await attach('live');
    hub.drain();
    expect(sink.ended).toBe('draining');
    expect(await hub.attach({ key: KEY, from: 'live', delivery: 'every' }, new Recorder())).toEqual({
      kind: 'draining',
    });
  });

  describe('a turn that takes longer than a commit', () => {
    /** A log whose appends are answered when the test says so: a commit that takes long cannot be had otherwise. */
    function slow(inner: EventLog): { log: EventLog; held: (() => void)[]; hold(): void } {
      const held: (() => void)[] = [];
      let holding = false;
      const append: EventLog['append'] = async (key, batch, options) => {
        if (holding) await new Promise<void>((resolve) => held.push(resolve));
        return inner.append(key, batch, options);
      };
      const log = new Proxy(inner, {
        get: (target, name) => {
          if (name === 'append') return append;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      return { log, held, hold: () => void (holding = true) };
    }

    /** A sink whose writes take so long that a turn is longer than any commit in memory. */
    class Slow extends Recorder {
      override write(chunk: Uint8Array): boolean {
        const until = performance.now() + 20;
        while (performance.now() < until);
        return super.write(chunk);
      }
    }

    async function warm(tested: Hub): Promise<Recorder> {
      const sink = new Slow();
      await tested.attach({ key: KEY, from: 'live', delivery: 'every' }, sink);
      await tested.append(KEY, events(1));
      await until(() => sink.offsets.length === 1);
      return sink;
    }

    it('waits for the commit under way, so that both come in one write', async () => {
      const { log: held, held: answers, hold } = slow(log);
      using tested = createHub({ log: held, logger: silent });
      await log.create(KEY);
      const sink = await warm(tested);
      const first = tested.append(KEY, events(1));
      hold();
      const second = tested.append(KEY, events(1));
      await first;
      await new Promise((resolve) => setImmediate(resolve));
      expect(sink.offsets).toEqual([1]);
      answers.shift()?.();
      await second;
      await until(() => sink.offsets.length === 3);
      expect(sink.chunks).toHaveLength(2);
    });

    it('does not wait for a commit that does not come', async () => {
      const { log: held, held: answers, hold } = slow(log);
      using tested = createHub({ log: held, logger: silent });
      await log.create(KEY);
      const sink = await warm(tested);
      const first = tested.append(KEY, events(1));
      hold();
      const second = tested.append(KEY, events(1));
      await first;
      await until(() => sink.offsets.length === 2);
      answers.shift()?.();
      await second;
      await until(() => sink.offsets.length === 3);
    });
  });

  it('every subscriber sees every event once and in order, whatever happens in between', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('append' as const), n: fc.integer({ min: 1, max: 9 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('bypass' as const), n: fc.integer({ min: 1, max: 9 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('attach' as const), n: fc.nat(200) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('block' as const), n: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('unblock' as const), n: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), n: fc.nat(20) }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('turn' as const), n: fc.integer({ min: 1, max: 3 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        await using own = createMemoryLog();
        using tested = createHub({ log: own, logger: silent, windowBytes: 600, chunkBytes: 100 });
        const made = await own.create(KEY);
        if (made.kind !== 'created') throw new Error(made.kind);
        const { epoch } = made.bounds.latest;
        const sinks: { sink: Recorder; after: number }[] = [];
        const appends: Promise<unknown>[] = [];
        let count = 0;
        for (const { do: action, n } of steps) {
          const picked = sinks[n % Math.max(1, sinks.length)]?.sink;
          if (action === 'append' || action === 'bypass') {
            appends.push((action === 'append' ? tested : own).append(KEY, events(n)));
            count += n;
          } else if (action === 'attach') {
            await Promise.all(appends);
            const sink = new Recorder();
            const after = n % (count + 1);
            const attached = await tested.attach(
              { key: KEY, from: { epoch, offset: after }, delivery: 'every' },
              sink,
            );
            if (attached.kind === 'attached') sink.subscription = attached.subscription;
            sinks.push({ sink, after });
          } else if (action === 'block' && picked !== undefined) picked.open = false;
          else if (action === 'unblock') picked?.reopen();
          else if (action === 'leave') {
            picked?.subscription?.[Symbol.dispose]();
            const index = sinks.findIndex(({ sink }) => sink === picked);
            if (index !== -1) sinks.splice(index, 1);
          } else for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(appends);
        for (const { sink } of sinks) sink.reopen();
        await until(() => sinks.every(({ sink, after }) => (sink.offsets.at(-1) ?? after) === count));
        for (const { sink, after } of sinks) expect(sink.offsets).toEqual(range(after + 1, count));
      }),
      { numRuns: 60 },
    );
  });
});
