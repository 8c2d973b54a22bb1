import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { contextMessage, device, type StateUpdate, sync, tabMessage, userKey } from '../support/contexts.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

const started: TestServer[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({ env: { PLAYHEAD_SEARCH_DELAY_MS: '0', ...env } });
  started.push(server);
  return server;
}

/** The server dies, and the machine with it: it comes back with another boot id, and nobody knows what was lost. */
async function losePower(server: TestServer): Promise<void> {
  await server.kill('SIGKILL');
  const log = new DatabaseSync(join(server.dataFolder, 'log.db'));
  expect(log.prepare("UPDATE meta SET value = 'another' WHERE name = 'boot'").run().changes).toBe(1);
  log.close();
  await server.restart();
}

/** All that a stream holds, of all its histories. */
async function stored(server: TestServer, stream: string): Promise<string> {
  let text = '';
  let after = 'start';
  for (;;) {
    const answer = await request(server, `/v1/streams/${stream}?after=${after}&limit=1000`);
    const page = answer.json<{ events?: unknown[]; next: string; resume: string }>();
    if (answer.status === 410) after = page.resume;
    else if (page.events?.length === 0) return text;
    else {
      text += answer.text;
      after = page.next;
    }
  }
}

test('P-434 D-3 history that may have been lost, again and again: what survived is told once, known, and erased whole', async () => {
  const server = await start();
  const key = await userKey(server, 'ann');
  const first = contextMessage('one', { content: 'quokka 1' });
  await sync(server, key, first, contextMessage('two', { tabId: 2 }));
  for (const loss of [1, 2]) {
    await losePower(server);
    const current = await request(server, '/api/v1/context/one', { key });
    expect(current.json()).toMatchObject({ content: `quokka ${loss}` });
    const again = await request(server, '/api/v1/context/sync', { method: 'POST', key, body: first });
    expect(again.json()).toMatchObject({ status: 'duplicate' });

    using socket = await device(server, key, 'ann');
    const confirmed = await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after: loss });
    expect(confirmed['positions']).toMatchObject({ 'user-contexts': { truncated: true } });
    await sync(server, key, contextMessage('one', { content: `quokka ${loss + 1}` }, 'update'));
    await socket.next('state-update', (message) =>
      JSON.stringify(message).includes(`"content":"quokka ${loss + 1}"`),
    );
    const numbers = socket.updates('user-contexts').map(({ sequenceNumber }) => sequenceNumber);
    expect(numbers).toEqual(numbers.map((_, i) => loss * 2 ** 32 + i + 1));
  }
  const told = await stored(server, 'contexts/ann/user-contexts');
  for (const number of [1, 2, 3]) expect(told.split(`"content":"quokka ${number}"`)).toHaveLength(2);

  const erased = await request(server, '/api/v1/context/one', { method: 'DELETE', key });
  expect(erased.json()).toMatchObject({ erased: 3 });
  for (const part of ['source', 'user-contexts', 'current-context'])
    expect(await stored(server, `contexts/ann/${part}`)).not.toContain('quokka');
  expect(await stored(server, 'contexts/ann/user-contexts')).toContain('"contextId":"two"');
});

test('CX-14 P-434 P-440 a server that dies in the midst of syncs: resent, each is stored once, and `after` brings all of them', async () => {
  const server = await start();
  const key = await userKey(server, 'ann');
  const messages = Array.from({ length: 40 }, (_, i) =>
    i % 5 === 0
      ? tabMessage('activate', i % 3)
      : contextMessage(`c${i}`, { tabId: i % 3, content: `words ${i}` }),
  );
  const seen: StateUpdate[] = [];
  for (let round = 0; round < 2; round++) {
    using socket = await device(server, key, 'ann');
    const after = seen.at(-1)?.sequenceNumber ?? 0;
    await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after });
    // Without waiting: some are stored, some are told, some never arrive.
    const posts = messages.map((body) =>
      request(server, '/api/v1/context/sync', { method: 'POST', key, body }).catch(() => undefined),
    );
    await posts[round * 20];
    await server.kill('SIGKILL');
    await Promise.all(posts);
    seen.push(...socket.updates('user-contexts'));
    await server.restart();
  }
  await sync(server, key, ...messages);
  using socket = await device(server, key, 'ann');
  const after = seen.at(-1)?.sequenceNumber ?? 0;
  await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after });
  await socket.events('user-contexts', messages.length - seen.length);
  await socket.ask({ type: 'heartbeat' });
  seen.push(...socket.updates('user-contexts'));
  expect(seen.map(({ sequenceNumber }) => sequenceNumber)).toEqual(messages.map((_, i) => i + 1));
  const page = await request(server, '/api/v1/channels/user-contexts/events?after=0&limit=1000', { key });
  expect(page.json()).toMatchObject({ events: seen, truncated: false });
});

test('P-444 a tab does not tell what was erased of the page in it: not what it told, nor anew', async () => {
  const server = await start();
  const key = await userKey(server, 'ann');
  const page = { tabId: 3, url: 'https://okapi.example/', title: 'Okapi', content: 'words' };
  await sync(
    server,
    key,
    contextMessage('gone', page),
    tabMessage('activate', 3),
    tabMessage('deactivate', 3),
  );
  await sync(server, key, contextMessage('stays', { tabId: 4 }), tabMessage('activate', 4));
  using socket = await device(server, key, 'ann');
  await socket.ask({
    type: 'subscribe',
    channels: ['tab-events', 'user-contexts'],
    after: { 'tab-events': 0 },
  });
  expect(JSON.stringify(await socket.events('tab-events', 2))).toContain('Okapi');
  expect((await request(server, '/api/v1/context/gone', { method: 'DELETE', key })).status).toBe(200);
  await sync(server, key, tabMessage('activate', 3), contextMessage('last', { tabId: 4 }));
  const [, , again] = await socket.events('tab-events', 3);
  expect(again?.event.payload).toMatchObject({
    kind: 'tab.activated',
    data: { tabId: 3, url: '', title: '' },
  });
  await socket.next('state-update', (message) => JSON.stringify(message).includes('"contextId":"last"'));
  for (const part of ['source', 'user-contexts', 'current-context', 'tab-events']) {
    const text = await stored(server, `contexts/ann/${part}`);
    expect(text).not.toMatch(/okapi/i);
    if (part !== 'source') expect(text).toContain('https://example.com/stays');
  }
  expect((await request(server, '/api/v1/context/current', { key })).text).not.toMatch(/okapi/i);
});
