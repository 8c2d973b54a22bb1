import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextMessage, sync, tabMessage, userKey } from '../support/contexts.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Page {
  readonly items: readonly { readonly contextId: string; readonly timestamp: string }[];
  readonly next?: string;
  readonly indexing?: boolean;
}

let server: TestServer;
let users = 0;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_SEARCH_DELAY_MS: '0' } });
});
afterAll(() => server?.stop());

async function someone(): Promise<{ user: string; key: string; get: ReturnType<typeof reader> }> {
  const user = `user_${++users}`;
  const key = await userKey(server, user);
  return { user, key, get: reader(key) };
}

const reader = (key: string) => (path: string) => request(server, `/api/v1/context${path}`, { key });

/** Of a user, all that is stored: as the operator sees it. */
const stored = async (user: string): Promise<string> =>
  (await request(server, `/v1/streams/contexts/${user}/source?limit=1000`)).text;

test('P-443 history goes on from page to page whatever the times are: with fractions, before 1970, far ahead', async () => {
  const { key, get } = await someone();
  const times = [1_700_000_000_000.75, 0.5, 0, '1969-07-20T20:17:40Z', '-000001-01-01T00:00:00Z', 8.64e15, 1];
  for (const [i, timestamp] of times.entries())
    await sync(server, key, { ...contextMessage(`t${i}`), timestamp });
  const ids: string[] = [];
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const answer = await get(`/history?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(answer.status).toBe(200);
    const page: Page = answer.json<Page>();
    if (page.indexing === true) continue;
    ids.push(...page.items.map(({ contextId }) => contextId));
    cursor = page.next;
  }
  expect(ids).toEqual(['t5', 't0', 't6', 't2', 't1', 't3', 't4']);
  expect((await get('/t0')).json()).toMatchObject({ timestamp: '2023-11-14T22:13:20.000Z' });
});

describe('CX-26 one context', () => {
  test('P-442 is read when its tab is closed, and when it was told of too long ago to be held in mind; not when deleted', async () => {
    const { key, get } = await someone();
    await sync(
      server,
      key,
      contextMessage('closed', { tabId: 77, content: 'words', title: 'First' }),
      contextMessage('closed', { tabId: 77, title: 'Then' }, 'update'),
      contextMessage('deleted', { tabId: 78 }),
      contextMessage('deleted', {}, 'delete'),
      tabMessage('delete', 77),
    );
    expect((await get('/closed')).json()).toMatchObject({
      contextId: 'closed',
      title: 'Then',
      content: 'words',
    });
    expect((await get('/deleted')).status).toBe(404);
    for (let i = 0; i < 2; i++)
      await sync(server, key, ...Array.from({ length: 300 }, (_, n) => contextMessage(`c${i}-${n}`)));
    expect((await get('/c0-0')).json()).toMatchObject({ contextId: 'c0-0', title: 'c0-0' });
    expect((await request(server, '/api/v1/context/closed', { method: 'DELETE', key })).status).toBe(200);
    for (const path of ['/closed', '/none']) expect((await get(path)).status).toBe(404);
    const other = await someone();
    expect((await other.get('/c0-0')).status).toBe(404);
  });

  test.each(['a/b', '..', 'history', 'current', '__proto__', '%', 'a?b#c', '\\', '日本 😀'])(
    'P-442 P-444 %j is a name like any other, in the query if no path can hold it',
    async (id) => {
      const { user, key, get } = await someone();
      await sync(server, key, contextMessage(id, { content: 'okapi' }));
      const path = `?id=${encodeURIComponent(id)}`;
      expect((await get(path)).json()).toMatchObject({ contextId: id, content: 'okapi' });
      const erased = await request(server, `/api/v1/context${path}`, { method: 'DELETE', key });
      expect(erased.json()).toMatchObject({ contextId: id, erased: 1 });
      expect(await stored(user)).not.toContain('okapi');
      expect((await get(path)).status).toBe(404);
      expect((await get('?id=')).status).toBe(400);
    },
  );

  test('P-442 has so many parts as are told apart: those that were told last', async () => {
    const { key, get } = await someone();
    for (let i = 0; i < 5; i++) {
      const parts = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`part${i}_${n}`, i]));
      await sync(server, key, contextMessage('a', { ...parts, ['x'.repeat(300)]: 1 }, 'update'));
    }
    const shown = (await get('/a')).json<Record<string, unknown>>();
    const names = Object.keys(shown).filter((name) => /^part|^x/.test(name));
    expect(names).toHaveLength(32);
    for (let n = 0; n < 10; n++) expect(shown[`part4_${n}`]).toBe(4);
  });

  test('P-442 is no larger in mind than its listed members may be', async () => {
    const { key, get } = await someone();
    const page = { title: 't'.repeat(50_000), url: `https://x.example/${'u'.repeat(50_000)}` };
    const { url: _url, title: _title, ...rest } = { url: 0, title: 0, page };
    const message = contextMessage('a', { ...rest, url: undefined, title: undefined });
    await sync(server, key, JSON.parse(JSON.stringify(message)) as object);
    const { title, url } = (await get('/a')).json<{ title: string; url: string }>();
    expect([title.length, url.length]).toEqual([4_096, 16_384]);
  });
});

test('P-441 nothing personal is stored under any name, in any place', async () => {
  const { user, key } = await someone();
  const mail = 'me@secret.example';
  await sync(
    server,
    key,
    contextMessage('private', {
      privacyLevel: 'private',
      [mail]: 1,
      custom: {
        [mail]: 1,
        id: mail,
        type: { text: mail },
        list: [{ url: `https://x.example/?token=${mail}` }],
      },
      forms: [{ name: 'okapi', password: { now: 'okapi' } }],
      blocks: [{ fields: [{ name: 'password', value: 'okapi' }] }],
    }),
    contextMessage('restricted', {
      privacyLevel: 'restricted',
      tab: { type: 'okapi okapi', userId: { text: mail } },
      timing: { id: 'okapi okapi' },
    }),
    contextMessage('filtered', { privacyLevel: 'filtered', url: 'javascript:okapi()' }),
  );
  const text = await stored(user);
  for (const id of ['private', 'restricted', 'filtered']) expect(text).toContain(`"id":"${id}"`);
  expect(text).not.toMatch(/secret\.example|okapi/);
});

test('P-441 a message is under the level of its context also if that is told in the same sync, or in one under way', async () => {
  const { user, key } = await someone();
  const bare = (id: string, more: object): object =>
    JSON.parse(JSON.stringify(contextMessage(id, { ...more, privacyLevel: undefined }, 'update'))) as object;
  const level = { privacyLevel: 'restricted' };
  await sync(
    server,
    key,
    contextMessage('one', { ...level, tabId: 1 }),
    bare('one', { tabId: 1, content: 'okapi' }),
    tabMessage('navigate', 1, { url: 'https://x.example/?q=okapi', title: 'T' }),
    tabMessage('navigate', 1, { url: 'https://y.example/?q=okapi', title: 'T' }),
    tabMessage('navigate', 2, { url: 'https://x.example/', title: 'T', ...level }),
    tabMessage('activate', 2, { url: 'https://x.example/?q=okapi' }),
  );
  // Sent without waiting for each other's answers; they arrive in any order, and the level is told by the first.
  await sync(server, key, contextMessage('two', { ...level, tabId: 3 }));
  const answers = Array.from({ length: 10 }, (_, i) => [
    sync(
      server,
      key,
      contextMessage(`c${i}`, { ...level, tabId: 10 + i }),
      bare(`c${i}`, { content: 'okapi' }),
    ),
    sync(server, key, bare('two', { content: 'okapi' })),
  ]);
  await Promise.all(answers.flat());
  const text = await stored(user);
  expect(text).toContain('"id":"c9"');
  expect(text).not.toContain('okapi');
});
