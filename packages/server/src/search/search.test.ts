import { setImmediate as turn } from 'node:timers/promises';
import { formatPosition } from '@playhead/protocol';
import { afterEach, expect, test } from 'vitest';
import type { LogEvent } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { type StreamKey, streamKey } from '../log/stream-key.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import { type Indexer, startIndexer } from './indexer.ts';
import { presentHits } from './present-hits.ts';
import type { Hit, SearchIndex, SearchQuery, SearchRule } from './search.ts';
import { openSqliteSearch } from './sqlite/sqlite-search.ts';

const RULE: SearchRule = {
  prefix: 'notes/',
  documents: (_, batches) =>
    batches.flatMap(({ epoch, first, time, events }) =>
      events.flatMap(({ data }, i) => {
        if (typeof data !== 'string') return [];
        const { title = '', text, user, facets = {} } = JSON.parse(data) as Partial<Hit>;
        const position = formatPosition({ epoch, offset: first + i });
        const about = { kind: 'note', position, time, title, text: text ?? '', facets };
        return [user === undefined ? about : { ...about, user }];
      }),
    ),
};

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function setup(file?: string, delayMs = 0) {
  const log = createMemoryLog({ clock: systemClock });
  const index = await openSqliteSearch(file);
  open.push(log, index);
  return { log, index, indexer: begin(log, index, delayMs) };
}

function begin(log: ReturnType<typeof createMemoryLog>, index: SearchIndex, delayMs = 0): Indexer {
  const indexer = startIndexer({
    ...{ log, index, rules: [RULE], clock: systemClock, streamBytes: 2_000, delayMs },
    logger: createLogger({ level: 'error', secrets: [] }),
    tenants: async () => ['acme', 'other'],
  });
  open.push(indexer);
  return indexer;
}

const key = (name: string, tenant = 'acme'): StreamKey => streamKey(tenant, `notes/${name}`);
const note = (about: Partial<Hit>): LogEvent => ({ type: 'note', data: JSON.stringify(about) });
const texts = async (index: SearchIndex, query: Partial<SearchQuery>): Promise<string[]> =>
  (await index.find({ tenant: 'acme', limit: 10, ...query })).map(({ text }) => text);

test('what is appended is found by its words, with a snippet, the title first', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('a'), {
    events: [note({ text: 'The quick brown fox' }), note({ title: 'Fox', text: 'a den' })],
  });
  await indexer.caughtUp();
  expect(await texts(index, { text: 'fox' })).toEqual(['a den', 'The quick brown fox']);
  expect(await texts(index, { text: 'QUICK fóx' })).toEqual(['The quick brown fox']);
  expect(await texts(index, { text: 'quick den' })).toEqual([]);
  expect((await texts(index, { text: 'quick den', words: 'any' })).toSorted()).toEqual([
    'The quick brown fox',
    'a den',
  ]);
  const [hit] = await index.find({ tenant: 'acme', text: 'brown', limit: 1 });
  expect(hit).toMatchObject({ stream: key('a'), kind: 'note', snippet: 'The quick \u0002brown\u0003 fox' });
});

test('whatever somebody types is a query', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('a'), {
    events: [note({ text: 'it\'s NEAR(the) AND "quoted" col:umn -minus ^ * end' })],
  });
  await indexer.caughtUp();
  for (const text of [
    'NEAR(',
    'AND',
    '"quoted',
    'col:umn',
    '-minus',
    "it's",
    'end*',
    '^end',
    "'; DROP TABLE texts; --",
  ]) {
    await expect(index.find({ tenant: 'acme', text, limit: 1 })).resolves.toBeDefined();
  }
  expect(await texts(index, { text: 'col:umn minus' })).toHaveLength(1);
  expect(await texts(index, { text: '*** ---' })).toEqual([]);
});

test('nobody finds what is another tenant’s, or another user’s', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('a'), {
    events: [note({ text: 'secret of ann', user: 'ann' }), note({ text: 'secret of all' })],
  });
  await log.create(key('a', 'other'), { events: [note({ text: 'secret of others' })] });
  await indexer.caughtUp();
  expect(await texts(index, { text: 'secret', user: 'bob' })).toEqual(['secret of all']);
  expect((await texts(index, { text: 'secret', user: 'ann' })).toSorted()).toEqual([
    'secret of all',
    'secret of ann',
  ]);
  expect(await texts(index, { text: 'secret', user: 'ann', onlyOwn: true })).toEqual(['secret of ann']);
  expect(await texts(index, { text: 'secret', tenant: 'other' })).toEqual(['secret of others']);
});

test('filters by facet, kind, stream and time; without words the newest come first', async () => {
  const { log, index, indexer } = await setup();
  for (const n of [1, 2, 3]) {
    await log.create(key(`n${n}`), {
      events: [note({ text: `note ${n}`, facets: { odd: String(n % 2 === 1) } })],
    });
  }
  await indexer.caughtUp();
  expect(await texts(index, { facets: { odd: 'true' } })).toEqual(['note 3', 'note 1']);
  expect(await texts(index, { kinds: ['other'] })).toEqual([]);
  expect(await texts(index, { kinds: ['note', 'other'], stream: key('n2') })).toEqual(['note 2']);
  expect(await texts(index, { since: Date.now() + 1_000 })).toEqual([]);
  expect(await texts(index, { until: Date.now() + 1_000, limit: 2 })).toHaveLength(2);
  expect(await texts(index, { facets: { "x') OR 1=1 --": '1' } })).toEqual([]);
});

test('D-5 what was erased or deleted is not shown, and then forgotten', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('a'), { events: [note({ text: 'erased word' }), note({ text: 'kept word' })] });
  await log.create(key('b'), { events: [note({ text: 'deleted word' })] });
  await indexer.caughtUp();
  const hits = await index.find({ tenant: 'acme', text: 'word', limit: 10 });
  expect(hits).toHaveLength(3);
  const { epoch } = (await log.bounds(key('a')))?.latest ?? expect.fail('a stream');
  await log.redact(key('a'), { epoch, offset: 1 });
  expect((await presentHits(log, hits)).map(({ text }) => text).toSorted()).toEqual([
    'deleted word',
    'kept word',
  ]);
  await index.erase(key('a'), formatPosition({ epoch, offset: 1 }));
  expect((await texts(index, { text: 'word' })).toSorted()).toEqual(['deleted word', 'kept word']);
  await log.delete(key('b'));
  expect((await presentHits(log, hits)).map(({ text }) => text)).toEqual(['kept word']);
  await indexer.caughtUp();
  expect(await texts(index, { text: 'word' })).toEqual(['kept word']);
});

test('what happened while nobody watched is caught up with, once', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('a'), { events: [note({ text: 'first' })] });
  await indexer.caughtUp();
  await indexer[Symbol.asyncDispose]();
  await log.append(key('a'), [note({ text: 'second' })]);
  await log.create(key('new'), { events: [note({ text: 'third' })] });
  const later = begin(log, index);
  await later.caughtUp();
  expect((await texts(index, {})).toSorted()).toEqual(['first', 'second', 'third']);
});

test('of a long stream no more than its bound is indexed', async () => {
  const { log, index, indexer } = await setup();
  await log.create(key('long'));
  for (let i = 0; i < 30; i++) {
    await log.append(key('long'), [note({ text: `word${i} ${'x'.repeat(200)}` })]);
    await indexer.caughtUp();
  }
  expect(await texts(index, { text: 'word3' })).toHaveLength(1);
  expect(await texts(index, { text: 'word29' })).toHaveLength(0);
});

test('whoever waits for the index waits for what was there when it asked, not for what comes, nor for a delay', async () => {
  const { log, index, indexer } = await setup(':memory:', 3_600_000);
  await log.create(key('busy'));
  let going = true;
  let count = 0;
  const busy = (async () => {
    for (; going; await turn()) await log.append(key('busy'), [note({ text: `busy ${count++}` })]);
  })();
  for (const name of ['one', 'two', 'three']) {
    await log.create(key(name), { events: [note({ text: name })] });
    const asked = count;
    await indexer.caughtUp();
    expect(await texts(index, { text: name })).toEqual([name]);
    if (asked > 0) expect(await texts(index, { text: `${asked - 1}` })).toEqual([`busy ${asked - 1}`]);
    // The events of one stream are indexed up to a limit.
    if (count > 150) break;
  }
  going = false;
  await busy;
});
