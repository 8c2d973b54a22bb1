import { expect, test } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { ContextSource, SourceChange } from '../context-source.ts';
import { userChannelKey } from './channel-name.ts';
import { Connections } from './connections.ts';
import { feedRecords } from './feed-record.ts';
import { createFeeds } from './feeds.ts';
import { followSources } from './follow-source.ts';
import { createPresence } from './presence.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const clock = systemClock;
const rate = { perSecond: 10, floodMs: 1_000 };

let waiting: Promise<void> | undefined;

/** Sessions that say what they show in so many words; those whose id begins with `ann` are hers. */
const source: ContextSource = {
  prefix: 'computers/',
  async ownerOf(key) {
    const [, id = ''] = key.split('/');
    if (id === 'slow') await waiting;
    if (id === 'broken') throw new Error('broken');
    return id.startsWith('ann') ? { user: 'ann', device: { id, formFactor: 'computer' } } : undefined;
  },
  changes: ({ data }) => [JSON.parse(String(data)) as SourceChange],
};

function world() {
  const log = createMemoryLog({ clock });
  const hub = createHub({ log, logger });
  const records = memoryRecords();
  const parts = { log, hub, records: feedRecords(records), clock, logger };
  const connections = new Connections({ perUser: 9, anonymous: 9, userRate: rate });
  const presence = createPresence({ log, hub, logger, connections });
  const start = () => {
    const feeds = createFeeds(parts, { idleMs: 60_000 });
    return {
      feeds,
      following: followSources({ log, records, feeds, presence, sources: [source], clock, logger }),
    };
  };
  return { log, presence, start };
}

type World = ReturnType<typeof world>;

async function say(log: World['log'], key: StreamKey, ...changes: SourceChange[]): Promise<void> {
  await log.append(
    key,
    changes.map((change) => ({ type: change.kind, data: JSON.stringify(change) })),
  );
}

/** The kinds of all that Ann's channel was told, once there are so many. */
async function told(log: World['log'], count: number): Promise<string[]> {
  const key = userChannelKey('default', 'ann', 'user-contexts');
  for (;;) {
    const bounds = await log.bounds(key);
    const slice =
      bounds === undefined ? undefined : await log.read(key, bounds.start, { events: 1_000, bytes: 1e9 });
    const kinds =
      slice?.kind === 'events' ? slice.batches.flatMap(({ events }) => events.map(({ type }) => type)) : [];
    if (kinds.length >= count) return kinds;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('every session is a device of its owner: its pages are told once, also over restarts, and end with it', async () => {
  const { log, presence, start } = world();
  const key = streamKey('default', 'computers/ann1');
  const other = streamKey('default', 'computers/bob1');
  let { feeds, following } = start();
  for (const each of [key, other, streamKey('default', 'computers/ann1/screen')]) await log.create(each);
  const url = 'https://example.com/';
  await say(
    log,
    key,
    { kind: 'activated', tabId: 't1' },
    { kind: 'navigated', tabId: 't1', url, title: 'A' },
  );
  await say(log, other, { kind: 'navigated', tabId: 't1', url: 'https://bob.example/', title: 'B' });
  await say(log, key, { kind: 'page', tabId: 't1', url, title: 'A page' });
  const first = ['tab.activated', 'page.navigation', 'context.updated'];
  expect(await told(log, 3)).toEqual(first);
  expect(presence.of('default', 'ann').devices).toEqual([{ id: 'ann1', formFactor: 'computer' }]);
  expect(presence.of('default', 'bob').devices).toEqual([]);
  const current = await feeds.use('default', 'ann', (feed) => feed.pages.current);
  expect(current).toMatchObject({ id: 'ann1.t1', url, title: 'A page', device: { id: 'ann1' } });

  await following[Symbol.asyncDispose]();
  await feeds[Symbol.asyncDispose]();
  // Nobody follows now.
  await say(
    log,
    key,
    { kind: 'navigated', tabId: 't2', url: 'https://example.com/two', title: '' },
    { kind: 'ended' },
  );
  ({ feeds, following } = start());
  const all = await told(log, 7);
  expect(all.slice(0, 3)).toEqual(first);
  expect(all.slice(3).toSorted()).toEqual(
    ['context.deleted', 'page.navigation', 'tab.closed', 'tab.closed'].toSorted(),
  );
  expect(presence.of('default', 'ann').devices).toEqual([]);
  expect(await feeds.use('default', 'ann', (feed) => feed.pages.tabs.size)).toBe(0);
  expect(await log.bounds(userChannelKey('default', 'bob', 'user-contexts'))).toBeUndefined();
  await following[Symbol.asyncDispose]();
  await feeds[Symbol.asyncDispose]();
});

test('P-460 one session that cannot be published keeps no other from it', async () => {
  const { log, start } = world();
  const gate = Promise.withResolvers<void>();
  waiting = gate.promise;
  const { feeds, following } = start();
  const keys = ['slow', 'broken', 'ann1'].map((id) => streamKey('default', `computers/${id}`));
  for (const key of keys) await log.create(key);
  for (const key of keys) await say(log, key, { kind: 'activated', tabId: 't1' });
  // The other two are looked at in one go.
  gate.resolve();
  expect(await told(log, 1)).toEqual(['tab.activated']);
  await following[Symbol.asyncDispose]();
  await feeds[Symbol.asyncDispose]();
});
