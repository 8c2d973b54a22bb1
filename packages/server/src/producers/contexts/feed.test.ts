import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hub } from '../../hub/hub.ts';
import { createHub } from '../../hub/create-hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { USER_CHANNELS, type UserChannel, userChannelKey } from './channel-name.ts';
import { sourceNumberOf } from './derived-event.ts';
import { Feed, type FeedParts } from './feed.ts';
import { type FeedRecord, feedRecords } from './feed-record.ts';
import { createFeeds } from './feeds.ts';
import type { SourceEvent } from './source-event.ts';
import type { TabPayload } from './sync-message.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const clock = manualClock();

interface World extends FeedParts {
  readonly log: EventLog;
}

type Appends = Pick<Hub, 'append'>;

function world(wrap: (hub: Hub) => Appends = (hub) => hub): World {
  const log = createMemoryLog({ clock });
  const hub = wrap(createHub({ log, logger }));
  return { log, hub, records: feedRecords(memoryRecords()), clock, logger };
}

let messages = 0;
const said = (message = `m${++messages}`) => ({ message, at: clock.now(), from: { extensionId: 'ext' } });
const context = (id: string, more: object = {}, message?: string): SourceEvent => ({
  ...said(message),
  kind: 'context',
  operation: 'update',
  context: {
    id,
    type: 'page',
    privacyLevel: 'public',
    tabId: 1,
    url: `https://${id}.example/`,
    content: id,
    ...more,
  },
});
const tab = (
  change: Extract<SourceEvent, { kind: 'tab' }>['change'],
  tabId: number,
  more: Partial<TabPayload> = {},
): SourceEvent => ({
  ...said(),
  kind: 'tab',
  change,
  level: 'public',
  tab: { type: 'tab', tabId, ...more },
});

async function told(log: EventLog, channel: UserChannel): Promise<readonly { type: string; data: string }[]> {
  const key = userChannelKey('default', 'ann', channel);
  const bounds = await log.bounds(key);
  if (bounds === undefined) return [];
  const slice = await log.read(key, bounds.start, { events: 10_000, bytes: 1e9 });
  if (slice.kind !== 'events') throw new Error(slice.kind);
  return slice.batches.flatMap(({ events }) =>
    events.map(({ type, data }) => ({ type, data: String(data) })),
  );
}

async function kinds(log: EventLog, channel: UserChannel): Promise<string[]> {
  return (await told(log, channel)).map(({ type, data }) => {
    const { payload, source } = JSON.parse(data) as {
      payload: { data: { contextId?: string } };
      source: { tabId?: number };
    };
    return `${type} ${payload.data.contextId ?? source.tabId}`;
  });
}

describe('what the channels are told', () => {
  async function after(...events: SourceEvent[]): Promise<{ feed: Feed; log: EventLog }> {
    const parts = world();
    const feed = await Feed.open(parts, 'default', 'ann');
    for (const event of events) await feed.write([event]);
    await feed.settled(1_000);
    return { feed, log: parts.log };
  }

  test('CX-8 P-435 a context that says its tab is the active one activates it, once', async () => {
    const active = (id: string, tabId: number) => context(id, { tabId, tab: { active: true } });
    const { log } = await after(active('one', 1), active('two', 2), active('two', 2), active('one', 1));
    expect(await kinds(log, 'tab-events')).toEqual(['tab.activated 1', 'tab.activated 2', 'tab.activated 1']);
    expect(await kinds(log, 'current-context')).toEqual([
      'tab.activated 1',
      'context.updated one',
      'tab.activated 2',
      'context.updated two',
      'context.updated two',
      'tab.activated 1',
      'context.updated one',
    ]);
    expect(JSON.stringify(await told(log, 'tab-events'))).not.toContain('content');
  });

  test('CX-6 CX-7 CX-8 everything, what concerns the active tab, and which tabs change', async () => {
    const { log } = await after(
      tab('activated', 1, { url: 'https://one.example/' }),
      context('one', { tabId: 1 }),
      context('two', { tabId: 2 }),
      tab('activated', 2),
      context('one', { tabId: 1 }),
      context('two', { tabId: 2 }),
      tab('navigated', 2, { url: 'https://two.example/next', previousUrl: 'https://two.example/' }),
      tab('navigated', 1, { url: 'https://one.example/next' }),
      tab('closed', 2),
      context('one', { tabId: 1 }),
    );
    expect(await kinds(log, 'user-contexts')).toEqual([
      'tab.activated 1',
      'context.updated one',
      'context.updated two',
      'tab.activated 2',
      'context.updated one',
      'context.updated two',
      'page.navigation 2',
      'page.navigation 1',
      'context.deleted two',
      'tab.closed 2',
      'context.updated one',
    ]);
    expect(await kinds(log, 'current-context')).toEqual([
      'tab.activated 1',
      'context.updated one',
      'tab.activated 2',
      'context.updated two',
      'page.navigation 2',
      'context.deleted two',
      'tab.closed 2',
    ]);
    expect(await kinds(log, 'tab-events')).toEqual([
      'tab.activated 1',
      'tab.activated 2',
      'tab.navigated 2',
      'tab.navigated 1',
      'tab.closed 2',
    ]);
    expect(JSON.stringify(await told(log, 'tab-events'))).not.toContain('content');
  });

  test('the same number on two devices is two tabs', async () => {
    const { feed } = await after(tab('activated', 1, { url: 'https://a.example/' }), {
      ...tab('navigated', 1, { url: 'https://b.example/' }),
      from: { extensionId: 'other' },
    });
    expect(feed.pages.current?.url).toBe('https://a.example/');
    expect(feed.pages.tabs.size).toBe(2);
  });

  test('a selection is told as its text; a page that nobody described has a context that stands in', async () => {
    const { feed, log } = await after(
      tab('activated', 3, { url: 'https://x.example/', title: 'X' }),
      context('s', {
        type: 'selection',
        tabId: 3,
        selection: { text: 'hello', range: { start: 0, end: 5 } },
      }),
    );
    expect(feed.pages.current).toMatchObject({ url: 'https://x.example/', title: 'X', type: 'page' });
    const event = JSON.parse((await told(log, 'current-context')).at(-1)?.data ?? '');
    expect(event.payload).toEqual({
      kind: 'text.selection',
      data: { text: 'hello', range: { start: 0, end: 5 } },
      context: { contextId: 's', operation: 'update', documentTitle: '', url: 'https://s.example/' },
    });
    expect(event).toMatchObject({
      userId: 'ann',
      channelId: 'user:ann',
      source: { extensionId: 'ext', tabId: 3 },
    });
  });

  test('parts told under another level are forgotten', async () => {
    const { feed } = await after(
      context('c', { content: 'a', custom: 1 }),
      context('c', { content: 'b' }),
      context('c', { content: undefined, privacyLevel: 'restricted' }),
    );
    expect(Object.keys(feed.pages.contexts.get('c')?.parts ?? {})).toEqual(['content']);
    expect(feed.pages.contexts.get('c')?.level).toBe('restricted');
  });
});

describe('CX-26 a message is stored once by its id', () => {
  test('also if it is sent twice at once, in one batch, or again after everything was opened anew', async () => {
    const parts = world();
    const feed = await Feed.open(parts, 'default', 'ann');
    const [[one], [two]] = await Promise.all([
      feed.write([context('a', {}, 'x')]),
      feed.write([context('a', {}, 'x')]),
    ]);
    expect(one).toEqual({ number: 1, repeated: false });
    expect(two).toEqual({ number: 1, repeated: true });
    expect(await feed.write([context('a', {}, 'y'), context('a', {}, 'y'), context('a', {}, 'x')])).toEqual([
      { number: 2, repeated: false },
      { number: 2, repeated: true },
      { number: 1, repeated: true },
    ]);
    await feed.settled(1_000);
    await feed.close();
    for (const again of [
      await Feed.open(parts, 'default', 'ann'),
      await Feed.open(parts, 'default', 'ann'),
    ]) {
      expect(await again.write([context('a', {}, 'y')])).toEqual([{ number: 2, repeated: true }]);
    }
    expect(await kinds(parts.log, 'user-contexts')).toHaveLength(2);
  });

  test('and one that could not be stored is not taken for stored', async () => {
    let full = true;
    const parts = world((hub) => ({
      ...hub,
      append: (...args) => (full ? Promise.reject(new Error('full')) : hub.append(...args)),
    }));
    const feed = await Feed.open(parts, 'default', 'ann');
    const both = [feed.write([context('a', {}, 'x')]), feed.write([context('a', {}, 'x')])];
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    full = false;
    expect(await feed.write([context('a', {}, 'x')])).toEqual([{ number: 1, repeated: false }]);
  });
});

test('a broadcast goes to its channel alone, and is told the number that it has there', async () => {
  const parts = world();
  const feed = await Feed.open(parts, 'default', 'ann');
  await feed.write([context('a'), tab('activated', 1)]);
  const event: SourceEvent = {
    ...said(),
    kind: 'broadcast',
    channel: 'tab-events',
    payload: { kind: 'note', data: 1 },
  };
  expect(await feed.broadcast(event)).toBe(2);
  expect(await kinds(parts.log, 'user-contexts')).toHaveLength(2);
  expect((await told(parts.log, 'tab-events')).at(-1)?.type).toBe('note');
});

/** What goes wrong with an append: it is refused, or done and its answer lost. */
type Fault = 'none' | 'refused' | 'unanswered';

describe('CX-12 every source event is told exactly once, in order', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('context' as const),
      id: fc.constantFrom('a', 'b', 'c'),
      tabId: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({
      kind: fc.constant('tab' as const),
      change: fc.constantFrom('activated' as const, 'navigated' as const, 'closed' as const),
      tabId: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ kind: fc.constant('kill' as const), keep: fc.boolean() }),
  );
  const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'refused', 'unanswered');

  function unreliable(faults: readonly Fault[]): (hub: Hub) => Appends {
    const left = [...faults];
    return (hub) => ({
      async append(key, events, options) {
        const wrong = key.endsWith('/source') ? 'none' : (left.shift() ?? 'none');
        if (wrong === 'refused') throw new Error('refused');
        const answer = await hub.append(key, events, options);
        if (wrong === 'unanswered') throw new Error('unanswered');
        return answer;
      },
    });
  }

  async function settled(feed: Feed): Promise<void> {
    while (!feed.isSettled) {
      clock.advance(10_000);
      await new Promise(setImmediate);
    }
  }

  test('whatever the log refuses, and wherever a process dies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.array(fault, { maxLength: 60 }),
        async (steps, faults) => {
          const calm = world();
          const plain = await Feed.open(calm, 'default', 'ann');
          let keeps = true;
          const made = world(unreliable(faults));
          const { records } = made;
          const put = (record: FeedRecord): Promise<void> =>
            keeps || record.at === null ? records.put(record) : Promise.resolve();
          const parts: World = { ...made, records: { ...records, put } };
          let feed = await Feed.open(parts, 'default', 'ann');
          for (const each of steps) {
            if (each.kind === 'kill') {
              // A process that dies keeps nothing; one that ends keeps what it knows.
              keeps = each.keep;
              await feed.close();
              keeps = true;
              feed = await Feed.open(parts, 'default', 'ann');
              continue;
            }
            const event =
              each.kind === 'context'
                ? context(each.id, { tabId: each.tabId })
                : tab(each.change, each.tabId, { url: `https://${each.tabId}.example/` });
            await Promise.all([feed.write([event]), plain.write([event])]);
          }
          await settled(feed);
          await settled(plain);
          for (const channel of USER_CHANNELS) {
            const [given, expected] = await Promise.all([told(parts.log, channel), told(calm.log, channel)]);
            expect(given).toEqual(expected);
            const numbers = given.map(({ data }) => sourceNumberOf(data) ?? -1);
            expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
          }
          expect(feed.pages.keep()).toEqual(plain.pages.keep());
        },
      ),
      { numRuns: 150 },
    );
  });
});

test('feeds that nobody uses are closed, and what they knew is known again', async () => {
  const parts = world();
  const opened: string[] = [];
  const { records } = parts;
  const counting: FeedParts = {
    ...parts,
    records: {
      ...records,
      get: (tenant, user) => (opened.push(`${tenant}:${user}`), records.get(tenant, user)),
    },
  };
  await using feeds = createFeeds(counting, { idleMs: 1_000 });
  expect(await feeds.peek('default', 'ann', () => 'there')).toBeUndefined();
  await feeds.use('default', 'ann', (feed) => feed.write([context('a')]));
  await feeds.use('default', 'ann', (feed) => feed.settled(1_000));
  const before = opened.length;
  await feeds.use('default', 'ann', () => undefined);
  expect(opened).toHaveLength(before);
  clock.advance(2_000);
  await new Promise(setImmediate);
  expect(await feeds.peek('default', 'ann', (feed) => feed.pages.current?.id)).toBe('a');
  expect(opened.length).toBeGreaterThan(before);
  expect(await feeds.peek('other', 'ann', () => 'there')).toBeUndefined();
});
