import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ContextsSocket,
  contextMessage,
  device,
  openContexts,
  type StateUpdate,
  sync,
  tabMessage,
  userKey,
} from '../support/contexts.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** A user of its own for a test, with a key. */
async function someone(more: object = {}): Promise<{ user: string; key: string }> {
  const user = `user_${process.pid}${++users}`;
  return { user, key: await userKey(server, user, more) };
}

const kinds = (updates: readonly StateUpdate[]): string[] => updates.map(({ event }) => event.payload.kind);
const numbers = (updates: readonly StateUpdate[]): number[] =>
  updates.map(({ sequenceNumber }) => sequenceNumber);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function tellAll(text: string): Promise<number> {
  const body = { event: { payload: { kind: 'maintenance', data: { text } } } };
  const answer = await request(server, '/api/v1/channels/global-events/events', { method: 'POST', body });
  expect(answer.status).toBe(201);
  return answer.json<{ sequenceNumber: number }>().sequenceNumber;
}

describe('connecting', () => {
  test('CX-1 the socket opens without a key, at / and /ws, and the first message is welcome with an id of its own', async () => {
    using one = await openContexts(server);
    using two = await openContexts(server, { path: '/ws' });
    const [first] = one.messages;
    expect(first).toMatchObject({
      type: 'welcome',
      connectionId: expect.any(String),
      heartbeatInterval: 25_000,
    });
    expect(first?.['data']).toMatchObject({ connectionId: first?.['connectionId'] });
    expect(two.messages[0]?.['connectionId']).not.toBe(first?.['connectionId']);
  });

  test('D-25 a GET of / that asks for a page is sent to the console, any other is told to upgrade', async () => {
    const get = (path: string, accept: string) => request(server, path, { key: null, headers: { accept } });
    const page = await get('/', 'text/html,*/*;q=0.8');
    expect([page.status, page.headers.location]).toEqual([302, '/console/']);
    for (const path of ['/', '/ws']) expect((await get(path, 'application/json')).status).toBe(426);
  });

  test('CX-2 auth with a token and a user binds the connection; Bearer before the token does no harm', async () => {
    const { user, key } = await someone();
    using socket = await openContexts(server);
    expect(await socket.auth(`Bearer ${key}`, user)).toMatchObject({
      type: 'auth_response',
      userId: user,
      connectionId: socket.messages[0]?.['connectionId'],
    });
    using other = await openContexts(server);
    for (const message of [
      { token: 'rdev_not_a_key', userId: user },
      { token: key, userId: `${user}x` },
    ])
      expect(await other.ask({ type: 'auth', ...message })).toMatchObject({
        type: 'error',
        code: 'unauthorized',
      });
    expect(await other.ask({ type: 'auth', token: key })).toMatchObject({ code: 'invalid_message' });
    await other.auth(key, user);
  });

  test('CX-3 before auth only auth and heartbeat count, and the connection stays', async () => {
    using socket = await openContexts(server);
    const event = { payload: { kind: 'x' } };
    for (const message of [
      { type: 'subscribe', channels: ['user-contexts'] },
      { type: 'unsubscribe', channels: ['user-contexts'] },
      { type: 'broadcast', channel: 'user-contexts', event },
      { type: 'sync', messages: [contextMessage('a')] },
    ])
      expect(await socket.ask(message)).toMatchObject({ type: 'error', code: 'unauthorized' });
    expect(await socket.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
    expect(socket.open).toBe(true);
  });

  test('D-43 the other dialect is answered in kind, and its events are in data', async () => {
    const { user, key } = await someone();
    using socket = await openContexts(server);
    const answerTo = (id: string) => socketAnswer(socket, id);
    socket.send({ type: 'subscribe', id: 'm0', data: { channels: ['user-contexts'] } });
    expect(await answerTo('m0')).toMatchObject({
      type: 'subscribe_response',
      success: false,
      error: { code: 'unauthorized' },
    });
    socket.send({ type: 'auth', id: 'm1', data: { token: key, userId: user } });
    expect(await answerTo('m1')).toMatchObject({
      type: 'auth_response',
      success: true,
      data: { userId: user, connectionId: socket.messages[0]?.['connectionId'] },
    });
    socket.send({ type: 'subscribe', id: 'm2', data: { channels: ['user-contexts'] } });
    expect(await answerTo('m2')).toMatchObject({
      type: 'subscribe_response',
      success: true,
      data: { channels: ['user-contexts'] },
    });
    await sync(server, key, contextMessage('a'));
    expect(await socket.next('state-update')).toMatchObject({
      data: { channel: 'user-contexts', event: { userId: user }, sequenceNumber: 1 },
    });
    socket.send({ type: 'nothing', id: 'm3' });
    expect(await answerTo('m3')).toMatchObject({ success: false, error: { code: 'invalid_message' } });
  });

  test('CX-16 a heartbeat is welcome at any time', async () => {
    const { user, key } = await someone();
    using socket = await openContexts(server);
    for (const step of [
      () => undefined,
      () => socket.auth(key, user),
      () => socket.subscribe('tab-events'),
    ]) {
      await step();
      expect(await socket.ask({ type: 'heartbeat' })).toMatchObject({
        timestamp: expect.stringMatching(ISO),
      });
    }
  });
});

/** The answer to a request of the second dialect. */
function socketAnswer(socket: ContextsSocket, id: string): Promise<Record<string, unknown>> {
  return socket.when(() => socket.messages.find((message) => message['id'] === id), `an answer to ${id}`);
}

describe('channels', () => {
  test('CX-4 a subscription is confirmed with what was joined, and when', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user);
    socket.send({ type: 'subscribe', channels: ['user-contexts', 'tab-events'], requestId: 'req_001' });
    const confirmed = await socket.next('subscription-confirmed');
    expect(confirmed).toMatchObject({ channels: ['user-contexts', 'tab-events'], requestId: 'req_001' });
    expect(confirmed['subscribedAt']).toMatch(ISO);
    const from = socket.messages.length;
    socket.send({ type: 'subscribe', channels: ['current-context', 'nothing'], requestId: 'req_002' });
    expect(await socket.next('subscription-confirmed', () => true, from)).toMatchObject({
      channels: ['current-context'],
    });
    expect(await socket.next('error', () => true, from)).toMatchObject({
      code: 'channel_not_found',
      channels: ['nothing'],
      requestId: 'req_002',
    });
  });

  test('CX-5 there are four channels, and no others', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user);
    expect(socket.messages[0]?.['channels']).toEqual([
      'user-contexts',
      'current-context',
      'tab-events',
      'global-events',
    ]);
    for (const name of [
      'presence',
      'source',
      'user:456',
      `${user}/user-contexts`,
      '../x',
      'team:none',
      'User-Contexts',
    ])
      expect(await socket.ask({ type: 'subscribe', channels: [name] })).toMatchObject({
        code: 'channel_not_found',
      });
    await socket.subscribe('user-contexts', 'current-context', 'tab-events', 'global-events');
  });

  test('CX-6 user-contexts tells every creation, change and deletion', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user, 'user-contexts');
    await sync(server, key, contextMessage('a', { content: 'one' }));
    await sync(
      server,
      key,
      contextMessage('a', { content: 'two' }, 'update'),
      contextMessage('b', { tabId: 2 }),
    );
    await sync(server, key, contextMessage('a', {}, 'delete'));
    const events = await socket.events('user-contexts', 4);
    expect(kinds(events)).toEqual([
      'context.created',
      'context.updated',
      'context.created',
      'context.deleted',
    ]);
    expect(events.map(({ event }) => event.payload.data.contextId)).toEqual(['a', 'a', 'b', 'a']);
  });

  test('CX-7 current-context tells of the active tab only, and follows it', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user, 'current-context', 'user-contexts');
    const change = (id: string, tabId: number) => contextMessage(id, { tabId }, 'update');
    await sync(server, key, tabMessage('activate', 1), change('a', 1), change('b', 2));
    await sync(server, key, tabMessage('activate', 2), change('a', 1), change('b', 2));
    await socket.events('user-contexts', 6);
    const told = (await socket.events('current-context', 4)).map(
      ({ event }) => event.payload.data.contextId ?? `tab ${event.payload.data.tabId}`,
    );
    expect(told).toEqual(['tab 1', 'a', 'tab 2', 'b']);
  });

  test('CX-8 tab-events tells of activation, navigation and closing, without content', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user, 'tab-events');
    const url = 'https://example.com/next';
    await sync(
      server,
      key,
      contextMessage('a', { content: 'secret words' }),
      tabMessage('activate', 1, { windowId: 3, url, title: 'Next' }),
      tabMessage('navigate', 1, { url, title: 'Next' }),
      tabMessage('deactivate', 1),
      tabMessage('delete', 1),
    );
    const events = await socket.events('tab-events', 3);
    expect(kinds(events)).toEqual(['tab.activated', 'tab.navigated', 'tab.closed']);
    for (const { event } of events)
      expect(event.payload.data).toEqual({ type: 'tab', tabId: 1, windowId: 3, url, title: 'Next' });
    expect(JSON.stringify(socket.messages)).not.toContain('secret words');
  });

  test('CX-9 global-events reaches every connection once, signed in or not, subscribed or not', async () => {
    const { user, key } = await someone();
    using nobody = await openContexts(server);
    using bound = await device(server, key, user);
    using subscribed = await device(server, key, user, 'global-events');
    const number = await tellAll('soon');
    await tellAll('now');
    for (const socket of [nobody, bound, subscribed]) {
      const own = (await socket.events('global-events', 2)).filter(
        ({ sequenceNumber }) => sequenceNumber >= number,
      );
      expect(numbers(own)).toEqual([number, number + 1]);
      expect(own[0]).toMatchObject({
        data: { channel: 'global-events' },
        event: { payload: { kind: 'maintenance' } },
      });
    }
    const forged = await request(server, '/api/v1/channels/global-events/events', {
      method: 'POST',
      key,
      body: { event: { payload: { kind: 'x' } } },
    });
    expect(forged.status).toBe(403);
  });

  test('CX-10 CX-11 CX-13 a state-update has every documented member', async () => {
    const key = await userKey(server, 'user_456');
    using socket = await device(server, key, 'user_456', 'user-contexts');
    const selection = { text: 'selected text', range: { start: 0, end: 13 } };
    const ahead = new Date(Date.now() + 3_600_000).toISOString();
    const message = { ...contextMessage('s', { type: 'selection', selection }), timestamp: ahead };
    await sync(server, key, message);
    const [update] = await socket.events('user-contexts', 1);
    expect(update).toEqual({
      type: 'state-update',
      channel: 'user-contexts',
      event: {
        id: expect.stringMatching(/^evt_/),
        timestamp: expect.stringMatching(ISO),
        userId: 'user_456',
        channelId: 'user:456',
        source: { extensionId: 'ext_1', tabId: 1 },
        payload: { kind: 'text.selection', data: selection, context: expect.any(Object) },
      },
      publishedAt: expect.stringMatching(ISO),
      sequenceNumber: 1,
    });
    // A clock that is ahead is not believed.
    expect((update?.event.timestamp ?? '') <= (update?.publishedAt ?? '')).toBe(true);
  });

  test('CX-12 CX-30 numbers are dense per channel, and the same on all devices', async () => {
    const { user, key } = await someone();
    using one = await device(server, key, user, 'user-contexts', 'current-context');
    using two = await device(server, key, user, 'user-contexts');
    const writes = Array.from({ length: 20 }, (_, i) =>
      sync(server, key, contextMessage(`c${i}`, { tabId: i % 3 })),
    );
    await Promise.all(writes);
    const [a, b] = await Promise.all([one.events('user-contexts', 20), two.events('user-contexts', 20)]);
    expect(numbers(a)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(b).toEqual(a);
    const current = numbers(one.updates('current-context'));
    expect(current).toEqual(current.map((_, i) => i + 1));
  });

  test('CX-14 what was missed is fetched over REST, in pages, from a number', async () => {
    const { user, key } = await someone();
    const page = async (query: string) =>
      (await request(server, `/api/v1/channels/user-contexts/events?${query}`, { key })).json<{
        channel: string;
        events: StateUpdate[];
        latestSequence: number;
        next: number;
        truncated: boolean;
      }>();
    expect(await page('after=0')).toMatchObject({ events: [], latestSequence: 0, truncated: false });
    using socket = await device(server, key, user, 'user-contexts');
    await sync(server, key, ...Array.from({ length: 5 }, (_, i) => contextMessage(`c${i}`)));
    const live = await socket.events('user-contexts', 5);
    expect(await page('')).toMatchObject({
      channel: 'user-contexts',
      events: live,
      latestSequence: 5,
      earliest: 1,
      epoch: expect.any(String),
      truncated: false,
    });
    expect((await page('after=2')).events).toEqual(live.slice(2));
    const first = await page('after=1&limit=2');
    expect([first.events, first.next]).toEqual([live.slice(1, 3), 3]);
    expect(await page('after=5')).toMatchObject({ events: [], truncated: false });
    expect(await page('after=6')).toMatchObject({ events: live, truncated: true });
    expect(await page(`after=${2 ** 32 + 1}`)).toMatchObject({ events: live, truncated: true });
    for (const bad of ['-1', '1.5', 'x', '9'.repeat(17)])
      expect(
        (await request(server, `/api/v1/channels/user-contexts/events?after=${bad}`, { key })).status,
      ).toBe(400);
  });

  test('P-430 a subscribe with after replays without a gap and goes on live', async () => {
    const { user, key } = await someone();
    await sync(server, key, ...Array.from({ length: 5 }, (_, i) => contextMessage(`c${i}`)));
    using socket = await device(server, key, user);
    const confirmed = await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after: 2 });
    expect(confirmed['positions']).toEqual({ 'user-contexts': { from: 2, latest: 5, truncated: false } });
    await sync(server, key, contextMessage('c5'));
    expect(numbers(await socket.events('user-contexts', 4))).toEqual([3, 4, 5, 6]);
    const again = await socket.ask({
      type: 'subscribe',
      channels: ['user-contexts'],
      after: { 'user-contexts': 99 },
    });
    expect(again['positions']).toEqual({ 'user-contexts': { from: 0, latest: 6, truncated: true } });
    expect(numbers(await socket.events('user-contexts', 10)).slice(4)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('CX-15 unsubscribe leaves one channel; the others go on', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user, 'user-contexts', 'tab-events');
    const left = await socket.ask({ type: 'unsubscribe', channels: ['tab-events'] });
    expect(left).toMatchObject({ type: 'unsubscription-confirmed', channels: ['tab-events'] });
    await sync(server, key, tabMessage('activate', 1), contextMessage('a'));
    await socket.events('user-contexts', 2);
    // Once it can be fetched there, it would have been heard by who is still subscribed.
    using other = await device(server, key, user);
    await other.ask({ type: 'subscribe', channels: ['tab-events'], after: 0 });
    await other.events('tab-events', 1);
    await socket.ask({ type: 'heartbeat' });
    expect(socket.updates('tab-events')).toEqual([]);
    expect(socket.open).toBe(true);
  });

  test('CX-19 CX-21 a broadcast reaches all devices of the user, and nobody else (D-16)', async () => {
    const [ann, bob] = [await someone(), await someone()];
    using one = await device(server, ann.key, ann.user, 'user-contexts');
    using two = await device(server, ann.key, ann.user, 'user-contexts');
    using other = await device(server, bob.key, bob.user, 'user-contexts');
    const event = { payload: { kind: 'note', data: { text: 'hello' } }, source: { app: 'agent' } };
    const sent = await one.ask({ type: 'broadcast', channel: 'user-contexts', event });
    expect(sent).toMatchObject({
      type: 'broadcast-confirmed',
      channel: 'user-contexts',
      delivered: 2,
      sequenceNumber: 1,
    });
    for (const socket of [one, two]) {
      const [update] = await socket.events('user-contexts', 1);
      expect(update?.event).toMatchObject({ userId: ann.user, ...event });
    }
    await other.ask({ type: 'heartbeat' });
    expect(other.updates('user-contexts')).toEqual([]);
  });

  test('CX-20 a team channel reaches its members, regardless of user; to others there is none', async () => {
    const [ann, bob, eve] = [await someone(), await someone(), await someone()];
    const made = await request(server, '/api/v1/teams', {
      method: 'POST',
      key: ann.key,
      body: { name: 'Crew', members: [bob.user] },
    });
    expect(made.status).toBe(201);
    const { id, channel, members } = made.json<{ id: string; channel: string; members: string[] }>();
    expect([channel, members]).toEqual([`team:${id}`, [ann.user, bob.user]]);
    using one = await device(server, ann.key, ann.user, channel);
    using two = await device(server, bob.key, bob.user, channel);
    using other = await device(server, eve.key, eve.user);
    expect(await other.ask({ type: 'subscribe', channels: [channel] })).toMatchObject({
      code: 'channel_not_found',
    });
    const event = { payload: { kind: 'note', data: 1 } };
    expect(await other.ask({ type: 'broadcast', channel, event })).toMatchObject({
      code: 'channel_not_found',
    });
    expect(await two.ask({ type: 'broadcast', channel, event })).toMatchObject({
      delivered: 2,
      sequenceNumber: 1,
    });
    const [update] = await one.events(channel, 1);
    expect(update?.event).toMatchObject({ userId: bob.user, channelId: channel });

    const members_ = `/api/v1/teams/${id}/members`;
    expect(
      (await request(server, `${members_}/${bob.user}`, { method: 'DELETE', key: eve.key })).status,
    ).toBe(404);
    expect(
      (await request(server, `${members_}/${bob.user}`, { method: 'DELETE', key: ann.key })).status,
    ).toBe(200);
    await two.next('error', (message) => message['code'] === 'channel_not_found');
    await one.ask({ type: 'broadcast', channel, event });
    await one.events(channel, 2);
    await two.ask({ type: 'heartbeat' });
    expect(two.updates(channel)).toHaveLength(1);
    expect((await request(server, `/api/v1/channels/${channel}/events`, { key: bob.key })).status).toBe(404);
  });

  test('CX-22 CX-23 a new connection remembers nothing; the same token and one message restore it', async () => {
    const { user, key } = await someone();
    const before = await device(server, key, user, 'user-contexts');
    before.socket.close();
    await before.closed();
    using socket = await openContexts(server);
    await socket.auth(key, user);
    await sync(server, key, contextMessage('a'));
    expect(
      await socket.ask({ type: 'subscribe', channels: ['user-contexts', 'current-context', 'tab-events'] }),
    ).toMatchObject({
      channels: ['user-contexts', 'current-context', 'tab-events'],
    });
    await sync(server, key, contextMessage('b'));
    expect(numbers(await socket.events('user-contexts', 1))).toEqual([2]);
  });

  test('CX-24 errors echo the request, and the connection goes on', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user);
    for (const text of [
      'not json',
      '[]',
      '{"type":"nothing"}',
      '{"type":"subscribe"}',
      'null',
      '{"type":7}',
    ]) {
      const from = socket.messages.length;
      socket.send(text);
      expect(await socket.next('error', () => true, from)).toMatchObject({ code: 'invalid_message' });
    }
    expect(await socket.ask({ type: 'subscribe', channels: 'user-contexts' })).toMatchObject({
      code: 'invalid_message',
    });
    const many = Array.from({ length: 1_000 }, (_, i) => `team:t${i}`);
    expect(await socket.ask({ type: 'subscribe', channels: many })).toMatchObject({
      code: 'invalid_message',
    });
    const event = { payload: { kind: 'note' }, source: ['no object'] };
    expect(await socket.ask({ type: 'broadcast', channel: 'user-contexts', event })).toMatchObject({
      code: 'invalid_message',
    });
    await socket.subscribe('user-contexts');
  });

  test('CX-29 a user sees nothing of another, also of the same id in another tenant', async () => {
    const { user, key } = await someone();
    const foreign = await userKey(server, user, { tenant: 'acme' });
    const bob = await someone();
    using own = await device(server, key, user, 'user-contexts');
    using other = await device(server, foreign, user, 'user-contexts', 'current-context', 'tab-events');
    using neighbour = await device(
      server,
      bob.key,
      bob.user,
      'user-contexts',
      'current-context',
      'tab-events',
    );
    await sync(server, key, contextMessage('a'), tabMessage('activate', 1));
    await own.events('user-contexts', 2);
    for (const socket of [other, neighbour]) {
      await socket.ask({ type: 'heartbeat' });
      expect(socket.messages.filter(({ type }) => type === 'state-update')).toEqual([]);
    }
    for (const [who, path] of [
      [foreign, '/api/v1/context/a'],
      [foreign, '/api/v1/context/current'],
      [bob.key, '/api/v1/context/a'],
    ] as const)
      expect((await request(server, path, { key: who })).status).toBe(404);
  });
});

describe('the way in', () => {
  test('CX-27 the socket takes syncs too, each judged by itself and stored once', async () => {
    const { user, key } = await someone();
    using socket = await device(server, key, user, 'user-contexts');
    const message = contextMessage('a');
    const wrong = { ...contextMessage('b'), userId: 'user_other' };
    const answer = await socket.ask({
      type: 'sync',
      messages: [message, wrong, { id: 'x' }, { id: 'h', type: 'heartbeat' }],
    });
    expect(answer).toMatchObject({
      type: 'sync-confirmed',
      results: [
        { success: true, status: 'stored', contextId: 'a' },
        { success: false, error: { code: 'unauthorized' } },
        { success: false, id: 'x', error: { code: 'invalid_message' } },
        { success: true, status: 'ignored' },
      ],
    });
    expect((await socket.ask({ type: 'sync', message }))['results']).toMatchObject([{ status: 'duplicate' }]);
    await socket.ask({ type: 'sync', message: contextMessage('c') });
    expect(numbers(await socket.events('user-contexts', 2))).toEqual([1, 2]);
  });

  test('CX-26 one context, the current one, and syncs alone or in batches, idempotent by id', async () => {
    const { user, key } = await someone();
    const get = (path: string) => request(server, `/api/v1/context/${path}`, { key });
    const post = (body: unknown) => request(server, '/api/v1/context/sync', { method: 'POST', key, body });
    expect((await get('current')).status).toBe(404);
    const message = contextMessage('a', { content: { text: 'words' }, title: 'A' });
    expect((await post(message)).json()).toMatchObject({ success: true, status: 'stored', contextId: 'a' });
    expect((await post(message)).json()).toMatchObject({ success: true, status: 'duplicate' });
    expect((await post([message, contextMessage('b', { tabId: 2 })])).json()).toMatchObject({
      stored: 1,
      duplicates: 1,
    });
    expect((await get('current')).json()).toMatchObject({
      ...{
        contextId: 'a',
        userId: user,
        url: 'https://example.com/a',
        title: 'A',
        content: { text: 'words' },
      },
      ...{ timestamp: expect.stringMatching(ISO), privacyLevel: 'public' },
    });
    await sync(server, key, tabMessage('activate', 2), contextMessage('a', { title: 'A2' }, 'update'));
    expect((await get('current')).json()).toMatchObject({ contextId: 'b' });
    // What an update does not name stays.
    expect((await get('a')).json()).toMatchObject({
      contextId: 'a',
      title: 'A2',
      content: { text: 'words' },
    });
    expect((await get('none')).status).toBe(404);
    for (const bad of [{}, [], { messages: [] }, { id: 'a', type: 'create' }, 7, { messages: [{}] }]) {
      const answer = await post(bad);
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ error: { code: 'BAD_REQUEST', message: expect.any(String) } });
    }
    const limited = (await get('a')).headers;
    for (const name of ['limit', 'remaining', 'reset'])
      expect(limited[`x-ratelimit-${name}`]).toMatch(/^\d+$/);
  });

  test('a sync survives the death of the server, and is then told and answered as before', async () => {
    const own = await startServer();
    try {
      const key = await userKey(own, 'ann');
      const message = contextMessage('a', { content: 'kept' });
      await sync(own, key, message, tabMessage('activate', 1));
      await own.kill('SIGKILL');
      await own.restart();
      using socket = await device(own, key, 'ann');
      await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after: 0 });
      expect(numbers(await socket.events('user-contexts', 2))).toEqual([1, 2]);
      expect(await socket.ask({ type: 'sync', message })).toMatchObject({
        results: [{ status: 'duplicate' }],
      });
      const current = await request(own, '/api/v1/context/current', { key });
      expect(current.json()).toMatchObject({ contextId: 'a', content: 'kept' });
    } finally {
      await own.stop();
    }
  });
});
