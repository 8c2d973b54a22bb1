import { expect, test } from 'vitest';
import type { EventLog, LogEvent } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { type StreamKey, streamKey } from '../log/stream-key.ts';
import { memoryRecords } from '../records/memory/memory-records.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { createDirectory } from './directory.ts';
import { openSession, type Session, type SessionParts } from './session.ts';
import { runningSessions } from './session-record.ts';
import { type Settled, settle } from './settle.ts';

const LAST: LogEvent = { type: 'complete', data: '"lost"' };

function makeParts(): SessionParts & { readonly log: EventLog } {
  const log = createMemoryLog();
  return {
    log,
    append: (key, events, options) => log.append(key, events, options),
    running: runningSessions(memoryRecords()),
    directory: createDirectory(),
    clock: manualClock(),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    limits: { uncommittedBytes: 1000, retryMs: 10, storagePatienceMs: 1000 },
  };
}

async function open(parts: SessionParts, name: string, idle: number | null = null): Promise<Session> {
  const session = await openSession(parts, {
    kind: 'commands',
    key: streamKey('default', `commands/${name}`),
    lease: { idle, lifetime: null, notice: 30_000 },
    first: [{ type: 'started', data: '1' }],
    expiring: (at) => ({ type: 'expiring', data: String(at) }),
  });
  if (session === undefined) throw new Error('there is such a stream');
  return session;
}

interface Account {
  readonly complete: boolean;
  readonly settled: readonly Settled[];
  readonly reaped: readonly unknown[];
}

async function settleAll(parts: SessionParts, log: EventLog = parts.log): Promise<Account> {
  const settled: Settled[] = [];
  const reaped: unknown[] = [];
  const complete = await settle({
    kind: 'commands',
    log,
    running: parts.running,
    reap: async (remains) => void reaped.push(remains),
    lost: () => [{ type: 'error', data: '"gone"' }, LAST],
    record: async (one) => void settled.push(one),
    failed() {},
  });
  return { complete, settled, reaped };
}

async function typesOf(log: EventLog, key: StreamKey): Promise<string[]> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) return [];
  const slice = await log.read(key, bounds.start, { events: 100, bytes: 1e6 });
  return slice.kind === 'events' ? slice.batches.flatMap(({ events }) => events.map(({ type }) => type)) : [];
}

test('F5 a session without an end gets one, with the close of its stream; what it left is ended first', async () => {
  const parts = makeParts();
  const { key, leaves } = await open(parts, 'a');
  await leaves({ pid: 7 });
  const { settled, reaped, complete } = await settleAll(parts);
  expect(complete).toBe(true);
  expect(reaped).toEqual([{ pid: 7 }]);
  expect(settled).toMatchObject([{ key, last: LAST }]);
  expect(await typesOf(parts.log, key)).toEqual(['started', 'error', 'complete']);
  expect((await parts.log.bounds(key))?.closed).toBe(true);
  expect(await settleAll(parts)).toMatchObject({ settled: [], complete: true });
});

test('F5 the log is the truth: a stream that was closed has its ending in its last event', async () => {
  const parts = makeParts();
  const { key } = await open(parts, 'a');
  const truth: LogEvent = { type: 'complete', data: '"exited"' };
  await parts.log.append(key, [truth], { close: true });
  expect((await settleAll(parts)).settled).toMatchObject([{ key, last: truth }]);
  expect(await typesOf(parts.log, key)).toEqual(['started', 'complete']);
});

test('F5 a session whose stream was never made, or is gone, is settled too', async () => {
  const parts = makeParts();
  const { key } = await open(parts, 'a');
  await parts.log.delete(key);
  expect(await settleAll(parts)).toMatchObject({ complete: true, settled: [{ key, last: null }] });
});

test('F5 what cannot be settled yet stays for another try, and holds up nothing else', async () => {
  const parts = makeParts();
  const a = await open(parts, 'a');
  const b = await open(parts, 'b');
  const { log } = parts;
  const half = new Proxy(log, {
    get: (target, name) =>
      name === 'append'
        ? (key: StreamKey, ...rest: [readonly LogEvent[]]) =>
            key === a.key ? Promise.reject(new Error('full')) : log.append(key, ...rest)
        : Reflect.get(target, name).bind(target),
  });
  expect(await settleAll(parts, half)).toMatchObject({ complete: false, settled: [{ key: b.key }] });
  expect(await settleAll(parts)).toMatchObject({ complete: true, settled: [{ key: a.key }] });
});

test('a session that ends leaves nothing to settle, and its name stays taken', async () => {
  const parts = makeParts();
  const session = await open(parts, 'a');
  const order: string[] = [];
  const account = async (): Promise<void> => {
    order.push(`closed: ${(await parts.log.bounds(session.key))?.closed}`);
    const [left] = await parts.running.list();
    order.push(`recorded: ${left?.value.kind}`);
  };
  await session.end({ kind: 'exited', code: 0 }, [LAST], account);
  // The stream is closed before anybody is told, and forgotten only when the producer has kept its account.
  expect(order).toEqual(['closed: true', 'recorded: commands']);
  expect(await session.ended).toEqual({ kind: 'exited', code: 0 });
  expect(parts.directory.running()).toEqual([]);
  expect(await settleAll(parts)).toMatchObject({ settled: [] });
  await expect(open(parts, 'a')).rejects.toThrow('there is such a stream');
  expect(await parts.running.list()).toEqual([]);
});

test('F9 a lease that runs out tells the stream ahead, then asks the producer to end; the first reason counts', async () => {
  const parts = makeParts();
  const clock = parts.clock as ReturnType<typeof manualClock>;
  const session = await open(parts, 'a', 60_000);
  clock.advance(29_000);
  session.renew();
  clock.advance(30_000);
  await Promise.resolve();
  expect(await typesOf(parts.log, session.key)).toEqual(['started', 'expiring']);
  expect(session.signal.aborted).toBe(false);
  clock.advance(30_000);
  expect(session.signal.aborted).toBe(true);
  session.stop({ kind: 'stopped', by: 'somebody' });
  expect(session.cause).toEqual({ kind: 'expired' });
});
