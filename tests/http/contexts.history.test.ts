import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextMessage, device, sync, tabMessage, userKey } from '../support/contexts.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface Item {
  readonly contextId: string | null;
  readonly operation: string;
  readonly title: string;
  readonly url: string;
  readonly snippet?: string;
}

interface Page {
  readonly items: readonly Item[];
  readonly next?: string;
  readonly indexing?: boolean;
}

let server: TestServer;
let key: string;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_SEARCH_DELAY_MS: '0' } });
  key = await userKey(server, 'ann');
});
afterAll(() => server?.stop());

const get = (path: string, who: string = key) => request(server, `/api/v1/context/${path}`, { key: who });

/** A page of the index once it knows everything: it may be late on a slow machine, and then says so. */
async function page(path: string, who: string = key): Promise<Page> {
  for (;;) {
    const found = (await get(path, who)).json<Page>();
    if (found.indexing !== true) return found;
  }
}
const titles = ({ items }: Page): string[] => items.map(({ title }) => title);

describe('CX-26 history', () => {
  const day = 24 * 3_600_000;
  const start = Date.now() - 10 * day;

  beforeAll(async () => {
    const messages = Array.from({ length: 9 }, (_, i) => ({
      ...contextMessage(`h${i}`, {
        ...{
          title: `page ${i}`,
          url: `https://site${i % 2}.example/${i}`,
          tabId: i % 3,
          type: i === 4 ? 'custom' : 'page',
        },
        content: {
          text: `number ${i}`,
          html: '<p>Gr&uuml;&szlig;e <b>Wombat</b><script>hidden()</script></p>',
        },
      }),
      timestamp: new Date(start + i * day).toISOString(),
      device: { id: i < 5 ? 'laptop' : 'phone', name: 'My device' },
    }));
    await sync(server, key, ...messages);
  });

  test('is the newest first, in pages that neither repeat nor leave out', async () => {
    const all = titles(await page('history'));
    expect(all).toEqual(Array.from({ length: 9 }, (_, i) => `page ${8 - i}`));
    const found: string[] = [];
    let cursor = '';
    do {
      const part = await page(`history?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      found.push(...titles(part));
      cursor = part.next ?? '';
    } while (cursor !== '');
    expect(found).toEqual(all);
  });

  test('by time, type, URL, device and tab', async () => {
    const from = new Date(start + 2 * day).toISOString();
    expect(titles(await page(`history?from=${from}&to=${start + 4 * day}`))).toEqual([
      'page 4',
      'page 3',
      'page 2',
    ]);
    expect(titles(await page('history?type=custom'))).toEqual(['page 4']);
    expect(titles(await page('history?url=https://site0.example/2'))).toEqual(['page 2']);
    expect(titles(await page('history?url=https://site1.example/*'))).toHaveLength(4);
    expect(titles(await page('history?device=phone&tab=0'))).toEqual(['page 6']);
    expect((await page('history?limit=1')).items).toEqual([
      {
        ...{ contextId: 'h8', userId: 'ann', type: 'page', operation: 'create', title: 'page 8', tabId: '2' },
        ...{ url: 'https://site0.example/8', timestamp: new Date(start + 8 * day).toISOString() },
        ...{ privacyLevel: 'public', device: { id: 'phone', name: 'My device' } },
      },
    ]);
  });

  test('refuses what is malformed', async () => {
    for (const query of ['from=x', 'limit=0', 'limit=201', 'cursor=x', 'cursor=s5', 'cursor=h1.%27', 'to=-'])
      expect((await get(`history?${query}`)).status).toBe(400);
    for (const query of ['', 'q=', `q=${'a'.repeat(1_001)}`, 'q=a&cursor=h1.a', 'q=a&cursor=s9999'])
      expect((await get(`search?${query}`)).status).toBe(400);
  });

  test('D-43 search finds words in any part, with snippets that are harmless as HTML', async () => {
    expect(titles(await page('search?q=wombat'))).toHaveLength(9);
    expect(titles(await page('search?q=number%205'))).toEqual(['page 5']);
    expect(titles(await page('search?q=hidden'))).toEqual([]);
    expect(titles(await page('search?q=wombat&device=laptop&limit=2'))).toHaveLength(2);
    await sync(
      server,
      key,
      contextMessage('x', { content: '5 < 6 & <img src=x onerror=alert(1)> kangaroo' }),
    );
    const [item] = (await page('search?q=kangaroo')).items;
    expect(item?.snippet).toContain('<mark>kangaroo</mark>');
    expect(item?.snippet?.replaceAll(/<\/?mark>/g, '')).not.toMatch(/[<>]/);
    for (const odd of ['"', 'NEAR(', 'a* OR b', '-', "'; DROP TABLE texts; --"])
      expect((await get(`search?q=${encodeURIComponent(odd)}`)).status).toBe(200);
  });

  test('pages of a search go on where the one before ended', async () => {
    const first = await page('search?q=wombat&limit=5');
    const second = await page(`search?q=wombat&limit=5&cursor=${first.next}`);
    expect(new Set([...titles(first), ...titles(second)]).size).toBe(9);
    expect(second.next).toBeUndefined();
  });

  test("CX-29 shows nobody what is another user's, nor the same user's of another tenant", async () => {
    const bob = await userKey(server, 'bob');
    const foreign = await userKey(server, 'ann', { tenant: 'acme' });
    for (const who of [bob, foreign]) {
      expect(titles(await page('history', who))).toEqual([]);
      expect(titles(await page('search?q=wombat', who))).toEqual([]);
      expect((await get('history?userId=ann', who)).status).toBe(who === bob ? 403 : 200);
    }
    expect(titles(await page('history?userId=ann&limit=200', server.key)).length).toBeGreaterThanOrEqual(9);
    expect((await get('history', server.key)).status).toBe(400);
  });

  test('a page where a tab went is part of it', async () => {
    await sync(server, key, tabMessage('navigate', 77, { url: 'https://nav.example/', title: 'Navigated' }));
    expect((await page('history?url=https://nav.example/')).items).toMatchObject([
      { contextId: null, operation: 'navigate', type: 'navigation', title: 'Navigated' },
    ]);
  });
});

describe('privacy is applied before anything is stored', () => {
  const secret = 'me@secret.example';

  test.each([
    ['private', { content: `mail ${secret}`, url: `https://x.example/?q=${secret}` }],
    ['restricted', { content: secret, selection: { text: secret }, custom: { a: secret } }],
    ['filtered', { content: { html: `<p>a<script>${secret}</script></p>` }, formData: { password: secret } }],
  ])('%s', async (privacyLevel, parts) => {
    const id = `privacy-${privacyLevel}`;
    using socket = await device(server, key, 'ann', 'user-contexts');
    await sync(server, key, contextMessage(id, { privacyLevel, tabId: 5, ...parts }));
    const [update] = await socket.events('user-contexts', 1);
    const shown = await get(id);
    const stored = await request(server, '/v1/streams/contexts/ann/source?limit=1000');
    const history = JSON.stringify(await page(`history?context=${id}`));
    for (const text of [JSON.stringify(update), shown.text, stored.text, history]) {
      expect(text).toContain(id);
      expect(text).not.toContain(secret);
    }
    expect(titles(await page('search?q=secret'))).toEqual([]);
    expect(shown.json()).toMatchObject({ privacyLevel });
  });

  test('an update that names no level stays under that of its context, and a tab under that of its page', async () => {
    await sync(server, key, contextMessage('level', { privacyLevel: 'restricted', tabId: 6, content: 'a' }));
    const { privacyLevel: _level, ...rest } = { privacyLevel: 0, tabId: 6, content: 'leaked', title: secret };
    const update = contextMessage('level', { ...rest, privacyLevel: undefined }, 'update');
    await sync(server, key, JSON.parse(JSON.stringify(update)) as object);
    await sync(
      server,
      key,
      tabMessage('navigate', 6, { url: `https://x.example/a?mail=${secret}`, title: secret }),
    );
    const stored = (await request(server, '/v1/streams/contexts/ann/source?limit=1000')).text;
    expect(stored).not.toMatch(/leaked|me@secret/);
    expect((await get('level')).json()).toMatchObject({ privacyLevel: 'restricted', content: null });
  });
});

describe('D-5 deletion', () => {
  test('erases what was told of a context wherever it stands; numbers stay dense and chains verify', async () => {
    using socket = await device(server, key, 'ann', 'user-contexts', 'current-context');
    await sync(
      server,
      key,
      tabMessage('activate', 9),
      contextMessage('gone', { tabId: 9, content: 'quokka one', title: 'T' }),
    );
    await sync(server, key, contextMessage('stays', { tabId: 9, content: 'quokka stays' }));
    await sync(server, key, contextMessage('gone', { tabId: 9, content: 'quokka two' }, 'update'));
    const [first] = await socket.events('user-contexts', 4);
    expect(titles(await page('search?q=quokka'))).toHaveLength(3);

    const bob = await userKey(server, 'bob');
    const remove = (who: string) => request(server, '/api/v1/context/gone', { method: 'DELETE', key: who });
    expect((await remove(bob)).status).toBe(404);
    const readOnly = await userKey(server, 'ann', { scopes: ['contexts:read'] });
    expect((await remove(readOnly)).status).toBe(403);
    expect((await remove(key)).json()).toEqual({ success: true, contextId: 'gone', erased: 2 });

    const told = await socket.events('user-contexts', 5);
    expect(told.at(-1)?.event.payload).toMatchObject({
      kind: 'context.deleted',
      data: { contextId: 'gone' },
    });
    for (const part of ['source', 'user-contexts', 'current-context']) {
      const stored = await request(server, `/v1/streams/contexts/ann/${part}?limit=1000&proof=1`);
      expect(stored.status).toBe(200);
      expect(stored.text).not.toMatch(/quokka (?:one|two)/);
      expect(stored.text).toContain('quokka stays');
    }
    expect(titles(await page('search?q=quokka'))).toEqual(['stays']);
    expect((await get('gone')).status).toBe(404);
    expect((await remove(key)).status).toBe(404);

    const after = (first?.sequenceNumber ?? 1) - 1;
    const missed = await request(server, `/api/v1/channels/user-contexts/events?after=${after}`, { key });
    const body = missed.json<{ events: { sequenceNumber: number }[]; next: number; truncated: boolean }>();
    expect(body.truncated).toBe(false);
    expect(body.events.map(({ sequenceNumber }) => sequenceNumber - after)).toEqual([1, 3, 5]);
    expect(body.next - after).toBe(5);
  });
});

test('what is searched is there again after the index was lost', async () => {
  const own = await startServer({ env: { PLAYHEAD_SEARCH_DELAY_MS: '0' } });
  try {
    const one = await userKey(own, 'ann');
    await sync(own, one, contextMessage('a', { content: 'platypus' }));
    await own.kill('SIGTERM');
    const { rm } = await import('node:fs/promises');
    for (const end of ['', '-wal', '-shm']) await rm(`${own.dataFolder}/search.db${end}`, { force: true });
    await own.restart();
    let found: Page;
    do found = (await request(own, '/api/v1/context/search?q=platypus', { key: one })).json<Page>();
    while (found.indexing === true);
    expect(found.items).toMatchObject([{ contextId: 'a' }]);
  } finally {
    await own.stop();
  }
});
