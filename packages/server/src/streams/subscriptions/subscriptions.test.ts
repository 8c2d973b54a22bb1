import { randomBytes } from 'node:crypto';
import type { Position } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import type { Collection, Records } from '../../records/records.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import { deliverySlots } from './delivery-slots.ts';
import type { LiveSubscription, WorkerToken } from './live-subscription.ts';
import type { SubscriptionConfig } from './subscription-config.ts';
import { openSubscriptions, type Subscriptions } from './subscriptions.ts';
import { wakeTokens } from './wake-tokens.ts';
import type { WebhookRequest, WebhookResult } from './webhook-call.ts';

const LEASE = 1_000;
const TOKEN = 10_000;
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

interface Call {
  readonly request: WebhookRequest;
  readonly wake: { wake_id: string; generation: number; callback_token: string };
  answer(result: WebhookResult): void;
}

/** Records that can refuse to write. */
function brittle(records: Records): { readonly all: Records; full: boolean } {
  const state = {
    full: false,
    all: {
      collection<T>(name: string): Collection<T> {
        const inner = records.collection<T>(name);
        return {
          ...inner,
          async put(id, value) {
            if (state.full) throw new Error('the disk is full');
            await inner.put(id, value);
          },
        };
      },
      [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
    },
  };
  return state;
}

let clock: ManualClock;
let log: EventLog;
let hub: Hub;
let records: ReturnType<typeof brittle>;
let calls: Call[];
let subscriptions: Subscriptions;
const secret = randomBytes(32);

function open(): Promise<Subscriptions> {
  return openSubscriptions({
    log,
    hub,
    clock,
    logger: SILENT,
    records: records.all,
    tokens: wakeTokens(secret, clock, TOKEN),
    slots: deliverySlots(8),
    call: (request) =>
      new Promise((resolve) => {
        const wake = JSON.parse(request.body) as Call['wake'];
        calls.push({ request, wake, answer: resolve });
        request.signal.addEventListener('abort', () => resolve({ outcome: 'failed', reason: 'aborted' }));
      }),
    retry: { firstMs: 100, longestMs: 100 },
    streams: 100,
    subscriptions: 10,
  });
}

beforeEach(async () => {
  clock = manualClock();
  log = createMemoryLog({ clock });
  hub = createHub({ log, logger: SILENT });
  records = brittle(memoryRecords());
  calls = [];
  subscriptions = await open();
});
afterEach(async () => {
  await subscriptions[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
});

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function advance(ms: number): Promise<void> {
  clock.advance(ms);
  await settle();
}

const A: StreamKey = streamKey('acme', 'a/1');

async function made(delivery: SubscriptionConfig['delivery'], id = 's'): Promise<LiveSubscription> {
  const config = { pattern: 'a/*', streams: [], delivery, leaseMs: LEASE, description: null };
  return (await subscriptions.put({ tenant: 'acme', id, config, base: 'http://here' })).found;
}

const WEBHOOK = { kind: 'webhook', url: 'https://there' } as const;
const PULL = { kind: 'pull-wake', stream: 'wake/s' } as const;

async function append(key: StreamKey = A): Promise<void> {
  await log.create(key);
  await hub.append(key, [{ type: 'x', data: '1' }]);
  await settle();
}

function tokenOf(text: string): WorkerToken {
  const tokens = wakeTokens(secret, clock, TOKEN);
  const read = tokens.read(text);
  if (read.kind !== 'valid') throw new Error(`the token is ${read.kind}`);
  return { claims: read.claims, old: tokens.isOld(read.expiresAt) };
}

const beat = (
  live: LiveSubscription,
  { wake_id, generation }: Pick<Call['wake'], 'wake_id' | 'generation'>,
  token: string,
): ReturnType<LiveSubscription['acknowledge']> =>
  live.acknowledge({ token: tokenOf(token), wake: wake_id, generation, acks: [], done: false });

describe('a lease', () => {
  test('P-281 is renewed by callbacks, however long the work takes', async () => {
    const live = await made(WEBHOOK);
    await append();
    const [call] = calls as [Call];
    call.answer({ outcome: 'accepted' });
    await settle();
    for (let i = 0; i < 5; i++) {
      await advance(LEASE - 1);
      expect(await beat(live, call.wake, call.wake.callback_token)).toEqual({ ok: true, next_wake: false });
    }
    expect(calls).toHaveLength(1);
    await advance(LEASE);
    expect(calls.map(({ wake }) => wake.generation)).toEqual([1, 2]);
  });

  test('P-276 brings a new token before the old one expires', async () => {
    await log.create(streamKey('acme', 'wake/s'));
    const live = await made(PULL);
    await append();
    const claimed = (await live.claim('w')) as unknown as Call['wake'] & { token: string };
    let { token } = claimed;
    let renewed = 0;
    for (let i = 0; i < 40; i++) {
      await advance(LEASE - 1);
      const answer = await beat(live, claimed, token);
      if (typeof answer['token'] === 'string') {
        ({ token } = answer as { token: string });
        renewed++;
      }
    }
    expect(renewed).toBeGreaterThan(1);
    expect(renewed).toBeLessThan(20);
  });

  test('P-281 that ends in the call breaks it off', async () => {
    const live = await made(WEBHOOK);
    await append();
    await advance(LEASE);
    expect(calls[0]?.request.signal.aborted).toBe(true);
    expect(live.status).toBe('failed');
    await advance(200);
    expect(calls.map(({ wake }) => wake.generation)).toEqual([1, 2]);
  });

  test('P-281 of a call that waits for its turn has not begun', async () => {
    for (const id of ['s1', 's2', 's3']) await made(WEBHOOK, id);
    await append();
    expect(calls).toHaveLength(2);
    calls[0]?.answer({ outcome: 'done' });
    await settle();
    expect(calls).toHaveLength(3);
    expect(calls.map(({ wake }) => wake.generation)).toEqual([1, 1, 1]);
  });
});

test('P-282 nobody is woken with what is not stored', async () => {
  const live = await made(WEBHOOK);
  await log.create(A);
  records.full = true;
  await append();
  expect(calls).toEqual([]);
  await advance(1_000);
  expect(calls).toEqual([]);
  records.full = false;
  await advance(1_000);
  expect(calls).toHaveLength(1);

  // An ack that cannot be stored is no ack.
  records.full = true;
  const [call] = calls as [Call];
  const acks = [{ stream: 'a/1', offset: (await log.bounds(A))?.latest }];
  const { wake_id: wake, generation, callback_token } = call.wake;
  const ack = live.acknowledge({ token: tokenOf(callback_token), wake, generation, acks, done: false });
  await expect(ack).rejects.toThrow('full');
  records.full = false;
  await advance(1_000);
  await subscriptions[Symbol.asyncDispose]();
  subscriptions = await open();
  const { streams } = (await subscriptions.get('acme', 's').view()) as {
    streams: { acked_offset: string }[];
  };
  expect(streams[0]?.acked_offset).toMatch(/-a1$/);
});

test('P-282 a subscription that could not be stored is none', async () => {
  await append();
  records.full = true;
  await expect(made(WEBHOOK)).rejects.toThrow('full');
  expect(() => subscriptions.get('acme', 's')).toThrow(expect.objectContaining({ code: 'not-found' }));
  records.full = false;
  await append();
  await advance(10_000);
  expect(calls).toEqual([]);
  await subscriptions[Symbol.asyncDispose]();
  subscriptions = await open();
  expect(subscriptions.list('acme')).toEqual([]);
  await made(WEBHOOK);
});

test('P-263 a stream that is made while a subscription is being made is in it', async () => {
  const making = made(WEBHOOK);
  const other = streamKey('acme', 'a/2');
  await log.create(other);
  await hub.append(other, [{ type: 'x', data: '1' }]);
  const live = await making;
  const { streams } = (await live.view()) as { streams: { path: string }[] };
  expect(streams.map(({ path }) => path)).toEqual(['a/2']);
});

test('P-283 a stream that was made and appended to behind a subscription’s back is found at the next start', async () => {
  await made(WEBHOOK);
  await subscriptions[Symbol.asyncDispose]();
  await append();
  subscriptions = await open();
  await settle();
  expect(calls).toHaveLength(1);
  const [{ wake }] = calls as [Call];
  const { streams } = wake as unknown as { streams: { path: string; has_pending: boolean }[] };
  expect(streams).toMatchObject([{ path: 'a/1', has_pending: true }]);
});

test('P-263 P-283 what is appended while its stream is being linked is not missed', async () => {
  const live = await made(PULL);
  for (let turns = 0; turns < 24; turns++) {
    const name = `a/${turns}`;
    const key = streamKey('acme', name);
    void log.create(key);
    // At every point of the way of the hint that the stream was made.
    for (let i = 0; i < turns; i++) await Promise.resolve();
    const { position } = (await hub.append(key, [{ type: 'x', data: '1' }])) as { position: Position };
    await settle();
    const claimed = (await live.claim('w')) as unknown as Call['wake'] & { token: string };
    const { wake_id: wake, generation, token } = claimed;
    const acks = [{ stream: name, offset: position }];
    const request = { token: tokenOf(token), wake, generation, acks, done: true };
    expect(await live.acknowledge(request), name).toEqual({ ok: true, next_wake: false });
  }
});

test('P-268 a wake tells of a thousand streams, the next one of those that had no room', async () => {
  await subscriptions[Symbol.asyncDispose]();
  subscriptions = await openSubscriptions({
    ...{ log, hub, clock, logger: SILENT, records: records.all, slots: deliverySlots(8) },
    tokens: wakeTokens(secret, clock, TOKEN),
    retry: { firstMs: 100, longestMs: 100 },
    ...{ streams: 2_000, subscriptions: 10 },
    async call({ body }) {
      calls.push({ wake: JSON.parse(body) as Call['wake'] } as Call);
      return { outcome: 'done' };
    },
  });
  const names = Array.from({ length: 1_200 }, (_, i) => streamKey('acme', `a/${i}`));
  for (const key of names) await log.create(key);
  await made(WEBHOOK);
  await Promise.all(names.map((key) => hub.append(key, [{ type: 'x', data: '1' }])));
  const told = (): Set<string> =>
    new Set(
      calls.flatMap(({ wake }) => {
        const { streams } = wake as unknown as { streams: { path: string; has_pending: boolean }[] };
        expect(streams.length).toBeLessThanOrEqual(1_000);
        return streams.filter(({ has_pending }) => has_pending).map(({ path }) => path);
      }),
    );
  for (let i = 0; i < 100 && told().size < 1_200; i++) await settle();
  expect(told().size).toBe(1_200);
});
