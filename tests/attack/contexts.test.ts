import { createSecretKey } from 'node:crypto';
import { base64url, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ContextsSocket,
  contextMessage,
  device,
  openContexts,
  type Said,
  sync,
  tabMessage,
  userKey,
} from '../support/contexts.ts';
import { type Answer, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';
import { type Issuer, JWT_SECRET, signToken, startIssuer } from '../support/tokens.ts';

/**
 * Eve has a key of her own in the tenant of Ann, and everything that can be had without Ann's: ids, numbers, positions,
 * names. Nothing of what Ann does may ever reach her. What Ann does holds this word.
 */
const SECRET = 'zanzibar';

let server: TestServer;
let issuer: Issuer;
let ann: string;
let eve: string;
let watch: ContextsSocket;
beforeAll(async () => {
  issuer = await startIssuer('RS256');
  server = await startServer({
    env: {
      PLAYHEAD_JWT_SECRET: JWT_SECRET,
      PLAYHEAD_JWKS_URL: issuer.url,
      PLAYHEAD_ALLOWED_NETWORKS: new URL(issuer.url).host,
      PLAYHEAD_SEARCH_DELAY_MS: '0',
      PLAYHEAD_CONTEXTS_MESSAGE_RATE: '10000',
      PLAYHEAD_CONTEXTS_USER_RATE: '10000',
      PLAYHEAD_CONTEXTS_CHECK_MS: '50',
    },
  });
  ann = await userKey(server, 'ann');
  eve = await userKey(server, 'eve', { scopes: ['contexts:write', 'streams:write', 'chats:write'] });
  await sync(
    server,
    ann,
    contextMessage('ctx-ann', { content: SECRET, title: SECRET, url: `https://${SECRET}.example/` }),
    tabMessage('activate', 1, { url: `https://${SECRET}.example/`, title: SECRET }),
  );
  await request(server, '/api/v1/teams', {
    method: 'POST',
    key: ann,
    body: { id: 'crew', name: SECRET, members: ['bob'] },
  });
  watch = await device(server, ann, 'ann', 'user-contexts', 'current-context', 'tab-events', 'team:crew');
  const event = { payload: { kind: 'note', data: SECRET } };
  await watch.ask({ type: 'broadcast', channel: 'team:crew', event });
});
afterAll(async () => {
  watch?.socket.close();
  await server?.stop();
  await issuer?.[Symbol.asyncDispose]();
});

/** Has Ann do something now, so that whoever could hear it would have heard it when this resolves. */
async function annActs(): Promise<void> {
  const count = watch.updates('user-contexts').length;
  await sync(
    server,
    ann,
    contextMessage('ctx-ann', { content: SECRET }, 'update'),
    tabMessage('activate', 1),
  );
  await watch.ask({
    type: 'broadcast',
    channel: 'team:crew',
    event: { payload: { kind: 'note', data: SECRET } },
  });
  await watch.events('user-contexts', count + 2);
}

/** Nothing of Ann's is in what a socket was told, and it has heard all that was said before this. */
async function learntNothing(socket: ContextsSocket): Promise<void> {
  await annActs();
  if (socket.open) await socket.ask({ type: 'heartbeat' });
  expect(JSON.stringify(socket.messages)).not.toContain(SECRET);
}

function refused(answer: Answer, ...statuses: number[]): void {
  expect(statuses.length === 0 ? [400, 403, 404] : statuses).toContain(answer.status);
  expect(answer.text).not.toContain(SECRET);
}

const get = (path: string, key: string | null = eve) => request(server, path, { key });

describe('over REST', () => {
  test.each([
    ['context/current', '/api/v1/context/current'],
    ['the id of a context', '/api/v1/context/ctx-ann'],
    ['the id in other cases', '/api/v1/context/CTX-ANN'],
    ['the user in the query', '/api/v1/context/current?userId=ann'],
    ['the user twice', '/api/v1/context/current?userId=eve&userId=ann'],
    ['the user twice the other way', '/api/v1/context/current?userId=ann&userId=eve'],
    ['the user in the path', '/api/v1/context/..%2fann%2fctx-ann'],
    ["the other user's channel in the path", '/api/v1/channels/ann%2Fuser-contexts/events'],
    ["the user's stream as a channel", '/api/v1/channels/contexts%2Fann%2Fsource/events?after=0'],
    ['a user written as a wildcard', '/api/v1/context/current?userId=*'],
    ['a user with a NUL', '/api/v1/context/current?userId=ann%00'],
    ['a user whose name is a segment', '/api/v1/context/current?userId=ann/source'],
    ['a team that Eve is not in', '/api/v1/teams/crew'],
    ["the team's channel", '/api/v1/channels/team:crew/events?after=0'],
    ["who hears the team's channel", '/api/v1/channels/team:crew/presence'],
    ['presence of Ann', '/api/v1/presence?userId=ann'],
  ])('guessing %s', async (_, path) => {
    refused(await get(path));
  });

  test.each([
    ['history', '/api/v1/context/history?limit=200'],
    ['history by the id of a context', '/api/v1/context/history?context=ctx-ann'],
    [
      'history with a cursor of any position',
      '/api/v1/context/history?cursor=h9999999999999.zzzzzzzzzzzzzzzz-a9',
    ],
    ['search', `/api/v1/context/search?q=${SECRET}`],
    [
      'search with operators',
      `/api/v1/context/search?q=${encodeURIComponent(`${SECRET} OR "${SECRET}" NEAR(x)`)}`,
    ],
    ['search by URL', `/api/v1/context/search?q=${SECRET}&url=https://*`],
    ['facets that are SQL', `/api/v1/context/history?device=${encodeURIComponent("' OR 1=1 --")}`],
    ['channels', '/api/v1/channels'],
    ["replaying numbers of Ann's", '/api/v1/channels/user-contexts/events?after=0&limit=1000'],
    ['teams', '/api/v1/teams'],
    ['presence', '/api/v1/presence'],
  ])("%s shows what is Eve's own, and nothing else", async (_, path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.text.replaceAll(`q=${SECRET}`, '')).not.toContain(SECRET);
    expect(answer.text).not.toContain('"ann"');
  });

  test("a cursor of Ann's history is worth nothing to Eve", async () => {
    await sync(server, ann, contextMessage('ctx-second', { content: SECRET, tabId: 8 }));
    const { next } = (await get('/api/v1/context/history?limit=1', ann)).json<{ next: string }>();
    expect(next).toMatch(/^h/);
    refused(await get(`/api/v1/context/history?cursor=${next}`), 200);
  });

  test("writing into Ann's history: her name in a message, in a context, in the query", async () => {
    const post = (body: unknown, query = '') =>
      request(server, `/api/v1/context/sync${query}`, { method: 'POST', key: eve, body });
    refused(await post({ ...contextMessage('forged'), userId: 'ann' }), 403);
    refused(await post(contextMessage('forged', { userId: 'ann' })), 403);
    refused(await post(contextMessage('forged'), '?userId=ann'), 403);
    refused(await post({ messages: [{ ...contextMessage('forged'), userId: 'ann' }] }), 400);
    expect((await get('/api/v1/context/forged', ann)).status).toBe(404);
  });

  test("the id of Ann's context in Eve's own messages changes nothing of hers", async () => {
    await sync(
      server,
      eve,
      contextMessage('ctx-ann', { content: 'eve was here', tabId: 1 }),
      tabMessage('delete', 1),
    );
    refused(await request(server, '/api/v1/context/none', { method: 'DELETE', key: eve }), 404);
    await request(server, '/api/v1/context/ctx-ann', { method: 'DELETE', key: eve });
    expect((await get('/api/v1/context/ctx-ann', ann)).json()).toMatchObject({ content: SECRET });
  });

  test("the id of a message that Ann sent does not make Eve's a duplicate, nor tell that there was one", async () => {
    const message = contextMessage('same-id');
    await sync(server, ann, message);
    const answer = await request(server, '/api/v1/context/sync', { method: 'POST', key: eve, body: message });
    expect(answer.json()).toMatchObject({ status: 'stored' });
  });

  test('joining a team, or taking one over', async () => {
    const put = (path: string, method: string, body?: unknown) =>
      request(server, `/api/v1/teams/${path}`, { method, key: eve, ...(body === undefined ? {} : { body }) });
    refused(await put('crew/members/eve', 'PUT'), 404);
    refused(await put('crew/members/ann', 'DELETE'), 404);
    refused(await put('crew', 'DELETE'), 404);
    refused(
      await request(server, '/api/v1/teams', {
        method: 'POST',
        key: eve,
        body: { id: 'crew', members: ['eve'] },
      }),
      409,
    );
    refused(
      await request(server, '/api/v1/teams', { method: 'POST', key: eve, body: { id: '../crew' } }),
      400,
    );
    refused(await get('/api/v1/channels/team:crew/events'), 404);
  });

  test("telling everybody, or Ann's channels", async () => {
    const body = { event: { payload: { kind: 'x' } } };
    const tell = (path: string) =>
      request(server, `/api/v1/channels/${path}`, { method: 'POST', key: eve, body });
    refused(await tell('global-events/events'), 403);
    refused(await tell('user-contexts/events?userId=ann'), 403);
    refused(await tell('team:crew/events'), 404);
  });

  test('a key without a user acts for nobody, unless it may act for all', async () => {
    const body = { name: 'x', scopes: ['contexts:write'] };
    const { data } = (await request(server, '/keys', { method: 'POST', body })).json<{
      data: { key: string };
    }>();
    for (const path of ['current', 'ctx-ann', 'history']) {
      refused(await get(`/api/v1/context/${path}`, data.key), 400);
      refused(await get(`/api/v1/context/${path}?userId=ann`, data.key), 403);
    }
    using socket = await openContexts(server);
    expect(await socket.ask({ type: 'auth', token: data.key, userId: 'ann' })).toMatchObject({
      code: 'unauthorized',
    });
  });

  test('P-94 a key without a user makes none that acts for Ann, unless it may act for all', async () => {
    const make = async (scopes: string[], key: string, more: object = {}) =>
      request(server, '/keys', { method: 'POST', key, body: { name: 'x', scopes, ...more } });
    const all = ['keys:write', 'contexts:write', 'streams:write', 'chats:write', 'computers:control'];
    const manager = (await make(all, server.key)).json<{ data: { key: string } }>().data.key;
    for (const scope of ['contexts:read', 'streams:read', 'chats:write'])
      refused(await make([scope], manager, { user_id: 'ann' }), 403);
    expect((await make(['computers:read'], manager, { user_id: 'ann' })).status).toBe(201);
    expect((await make(['contexts:read'], manager)).status).toBe(201);
    const trusted = (await make([...all, 'contexts:impersonate'], server.key)).json<{
      data: { key: string };
    }>();
    expect((await make(['contexts:read'], trusted.data.key, { user_id: 'ann' })).status).toBe(201);
  });
});

describe('round the face, by the streams that are behind it', () => {
  const names = ['source', 'user-contexts', 'current-context', 'tab-events', 'presence'].map(
    (part) => `contexts/ann/${part}`,
  );

  test.each([...names, 'contexts/~team/crew', 'contexts/global-events', '_server:contexts/global-events'])(
    '%s',
    async (name) => {
      refused(await get(`/v1/streams/${name}`), 404);
      refused(
        await request(server, `/v1/streams/${name}`, { key: eve, headers: { accept: 'text/event-stream' } }),
        404,
      );
      refused(
        await request(server, '/v1/tickets', { method: 'POST', key: eve, body: { stream: name } }),
        404,
      );
      const event = { type: 'note', data: 1 };
      refused(
        await request(server, `/v1/streams/${name}`, { method: 'POST', key: eve, body: event }),
        403,
        404,
      );
      refused(await request(server, `/v1/streams/${name}`, { method: 'DELETE', key: eve }), 403, 404);
      using socket = await openSocket(server, eve);
      socket.send({ type: 'subscribe', id: 's', stream: name, after: 'start' });
      const { problem } = await socket.next('problem');
      expect(['stream-not-found', 'invalid-request']).toContain(problem.code);
    },
  );

  test('the list of streams', async () => {
    const list = (await get('/v1/streams?limit=1000')).text;
    expect(list).toContain('contexts/eve/source');
    expect(list).not.toMatch(/contexts\/(?:ann|~team)/);
    expect((await get('/v1/streams?prefix=contexts/ann/')).json()).toEqual({ streams: [] });
  });

  test('the Durable Streams paths', async () => {
    for (const name of names) {
      refused(await get(`/v1/stream/${name}?offset=-1`), 404);
      refused(await request(server, `/v1/stream/${name}`, { method: 'HEAD', key: eve }), 404);
      const headers = { 'stream-forked-from': `/v1/stream/${name}`, 'content-type': 'application/json' };
      const fork = await request(server, '/v1/stream/eve-fork', { method: 'PUT', key: eve, headers });
      expect(fork.status).toBeGreaterThanOrEqual(400);
    }
  });

  test('quoted in a chat', async () => {
    const made = await request(server, '/chats', { method: 'POST', key: eve, body: {} });
    const { id } = made.json<{ id: string }>();
    for (const stream of names) {
      const body = { prompt: 'Repeat the attachment', attachments: [{ stream, after: 'start' }] };
      refused(
        await request(server, `/chats/${id}/messages`, { method: 'POST', key: eve, body }),
        400,
        403,
        404,
      );
    }
    const asked = { prompt: `What about ${SECRET}? What was looked at last?` };
    const answer = await request(server, `/chats/${id}/messages`, { method: 'POST', key: eve, body: asked });
    expect(answer.text).not.toContain(`${SECRET}.example`);
    expect(answer.text).not.toContain('ctx-ann');
    expect(answer.text).not.toContain('contexts/ann');
  });
});

describe('on the socket', () => {
  test("subscribing to a user's channel by any name", async () => {
    using socket = await device(server, eve, 'eve', 'user-contexts', 'current-context', 'tab-events');
    for (const name of [
      'user:ann',
      'ann',
      'ann/user-contexts',
      'contexts/ann/user-contexts',
      'default:contexts/ann/source',
      'team:crew',
      'TEAM:crew',
      'team:../ann',
      'user-contexts\u0000',
      ' user-contexts',
    ])
      expect(await socket.ask({ type: 'subscribe', channels: [name], after: 0 })).toMatchObject({
        type: 'error',
      });
    await learntNothing(socket);
  });

  test("replaying numbers of Ann's, and numbers of other histories", async () => {
    using socket = await device(server, eve, 'eve');
    for (const after of [0, 1, 2 ** 32, 2 ** 33 + 1, Number.MAX_SAFE_INTEGER])
      expect(
        (
          await socket.ask({
            type: 'subscribe',
            channels: ['user-contexts', 'tab-events'],
            after: { 'user-contexts': after, 'tab-events': after, 'team:crew': 0 },
          })
        ).type,
      ).toBe('subscription-confirmed');
    await learntNothing(socket);
  });

  test("signing in as Ann with one's own key, with a user that is only like hers", async () => {
    using socket = await openContexts(server);
    for (const userId of ['ann', 'Ann', 'ann ', 'ann\u200b', '../ann', 'eve/../ann', 'a\u0000nn', '', '*'])
      expect(await socket.ask({ type: 'auth', token: eve, userId })).toMatchObject({ type: 'error' });
    for (const token of [ann.slice(0, -1), `${ann}x`, ann.toUpperCase(), '', 'Bearer', `${eve}, ${ann}x`])
      expect(await socket.ask({ type: 'auth', token, userId: 'ann' })).toMatchObject({ type: 'error' });
    await learntNothing(socket);
  });

  test('racing auth: everything at once, in every order', async () => {
    const claims = [
      { type: 'auth', token: eve, userId: 'eve', requestId: 1 },
      { type: 'auth', token: eve, userId: 'ann', requestId: 2 },
      { type: 'auth', token: `${ann}x`, userId: 'ann', requestId: 3 },
      {
        type: 'subscribe',
        channels: ['user-contexts', 'current-context', 'tab-events', 'team:crew'],
        after: { 'user-contexts': 0 },
        requestId: 4,
      },
    ];
    for (let turn = 0; turn < claims.length; turn++) {
      using socket = await openContexts(server);
      const order = [...claims.slice(turn), ...claims.slice(0, turn)];
      for (const message of [...order, ...order.toReversed()]) socket.send(message);
      await learntNothing(socket);
    }
  });

  test('racing auth with tokens that take time to check', async () => {
    using socket = await openContexts(server);
    const own = await issuer.sign({ sub: 'eve' });
    const other = await issuer.sign({ sub: 'ann' }, -60);
    for (let i = 0; i < 5; i++) {
      socket.send({ type: 'auth', token: own, userId: 'eve' });
      socket.send({ type: 'subscribe', channels: ['user-contexts'], after: 0 });
      socket.send({ type: 'auth', token: other, userId: 'ann' });
      socket.send({
        type: 'subscribe',
        channels: ['user-contexts', 'tab-events'],
        after: { 'user-contexts': 0 },
      });
    }
    await learntNothing(socket);
  });

  test('becoming somebody else on a connection that has channels already', async () => {
    using socket = await device(server, eve, 'eve', 'user-contexts', 'current-context', 'tab-events');
    // Even whoever has both keys needs two connections: nothing that was asked as one may be answered as the other.
    expect(await socket.ask({ type: 'auth', token: ann, userId: 'ann' })).toMatchObject({
      code: 'unauthorized',
    });
    await learntNothing(socket);
    expect((await socket.ask({ type: 'sync', message: contextMessage('mine') }))['results']).toMatchObject([
      { status: 'stored' },
    ]);
    expect((await get('/api/v1/context/mine', ann)).status).toBe(404);
  });

  test("a connection id of Ann's opens nothing", async () => {
    const { connections } = (await get('/api/v1/presence', ann)).json<{
      connections: { connectionId: string }[];
    }>();
    using socket = await openContexts(server);
    const connectionId = connections[0]?.connectionId;
    for (const message of [
      { type: 'auth', token: connectionId, userId: 'ann' },
      { type: 'auth', token: eve, userId: 'ann', connectionId },
      { type: 'subscribe', channels: ['user-contexts'], connectionId },
      { type: 'resume', connectionId },
    ])
      expect(await socket.ask(message)).toMatchObject({ type: 'error' });
    await learntNothing(socket);
  });

  test('a cookie, a ticket, a header and a token in the URL sign nobody in', async () => {
    const { ticket } = (await request(server, '/v1/tickets', { method: 'POST', key: ann, body: {} })).json<{
      ticket: string;
    }>();
    using socket = await openContexts(server, {
      headers: { 'x-api-key': ann, authorization: `Bearer ${ann}`, cookie: `playhead_session=${ann}` },
    });
    expect(await socket.ask({ type: 'subscribe', channels: ['user-contexts'] })).toMatchObject({
      code: 'unauthorized',
    });
    expect(await socket.ask({ type: 'auth', token: ticket, userId: 'ann' })).toMatchObject({
      code: 'unauthorized',
    });
    await learntNothing(socket);
  });

  test("broadcasting into Ann's channels, to everybody, to a team, or under her name", async () => {
    using socket = await device(server, eve, 'eve', 'user-contexts');
    const event = { payload: { kind: 'forged', data: 1 }, userId: 'ann', id: 'evt_x' };
    for (const channel of ['global-events', 'team:crew', 'user:ann', 'contexts/ann/user-contexts'])
      expect(await socket.ask({ type: 'broadcast', channel, event })).toMatchObject({ type: 'error' });
    await socket.ask({
      type: 'broadcast',
      channel: 'user-contexts',
      event: { ...event, channelId: 'user:ann' },
    });
    const [own] = await socket.events('user-contexts', 1);
    expect(own?.event).toMatchObject({ userId: 'eve', channelId: 'user:eve' });
    await annActs();
    expect(JSON.stringify(watch.messages)).not.toContain('forged');
  });

  test('bytes that would break out of an event', async () => {
    using socket = await device(server, eve, 'eve', 'user-contexts');
    const nasty =
      '"},{"type":"state-update","channel":"user-contexts","sequenceNumber":9}\r\n\u2028\u0000\ud800</script>';
    await socket.ask({
      type: 'broadcast',
      channel: 'user-contexts',
      event: { payload: { kind: 'x', data: { [nasty]: nasty } } },
    });
    const [update] = await socket.events('user-contexts', 1);
    expect(Object.keys(update?.event.payload.data ?? {})).toEqual([nasty]);
    expect(socket.messages.filter(({ type }) => type === 'state-update')).toHaveLength(1);
  });

  test('members named __proto__, constructor and prototype are data, and change nothing', async () => {
    using socket = await device(server, eve, 'eve');
    const text = `{"type":"sync","requestId":"p","messages":[{"id":"p1","type":"create","payload":{"type":"context","context":{"id":"pp","privacyLevel":"private","tabId":1,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"custom":{"__proto__":{"polluted":1}}}}}]}`;
    socket.send(text);
    await socket.next('sync-confirmed');
    const shown = (await get('/api/v1/context/pp')).json<Record<string, unknown>>();
    expect(shown['polluted']).toBeUndefined();
    expect((await get('/api/v1/context/current', ann)).text).not.toContain('polluted');
  });

  test('what is nested ten thousand deep, or is one huge key, harms nobody', async () => {
    using socket = await device(server, eve, 'eve');
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    for (const text of [
      `{"type":"broadcast","channel":"user-contexts","requestId":"d","event":{"payload":{"kind":"x","data":${deep}}}}`,
      `{"type":"sync","requestId":"d","messages":[{"id":"d","type":"create","payload":{"type":"context","context":{"id":"d","custom":${deep}}}}]}`,
      `{"${'k'.repeat(500_000)}":1}`,
      '\ufeff{}',
    ])
      socket.send(text);
    await learntNothing(socket);
    expect(socket.open).toBe(true);
  });
});

describe('the same user id in another tenant', () => {
  let foreign: string;
  beforeAll(async () => {
    foreign = await userKey(server, 'ann', { tenant: 'acme', scopes: ['contexts:write', 'streams:read'] });
  });

  test('hears, finds and sees nothing', async () => {
    using socket = await device(server, foreign, 'ann', 'user-contexts', 'current-context', 'tab-events');
    expect(await socket.ask({ type: 'subscribe', channels: ['team:crew'] })).toMatchObject({
      code: 'channel_not_found',
    });
    expect(await socket.ask({ type: 'subscribe', channels: ['user-contexts'], after: 0 })).toMatchObject({
      channels: ['user-contexts'],
    });
    await learntNothing(socket);
    for (const path of ['current', 'ctx-ann']) refused(await get(`/api/v1/context/${path}`, foreign), 404);
    for (const path of ['history', `search?q=${SECRET}`])
      expect((await get(`/api/v1/context/${path}`, foreign)).json<{ items: unknown[] }>().items).toEqual([]);
    // The stream of that name in its own tenant.
    refused(await get('/v1/streams/contexts/ann/source', foreign), 200);
    expect(
      (await get('/api/v1/presence', foreign)).json<{ connections: unknown[] }>().connections,
    ).toHaveLength(1);
    const made = await request(server, '/api/v1/teams', {
      method: 'POST',
      key: foreign,
      body: { id: 'crew' },
    });
    expect(made.status).toBe(201);
    refused(await get('/api/v1/channels/team:crew/events', foreign), 200);
  });
});

describe('tokens that are none', () => {
  const soon = Math.floor(Date.now() / 1000) + 3_600;
  const part = (value: object): string => base64url.encode(JSON.stringify(value));
  const claims = { sub: 'ann', exp: soon };

  test.each<[string, () => string | Promise<string>]>([
    ['unsigned, alg none', () => `${part({ alg: 'none' })}.${part(claims)}.`],
    ['unsigned, alg nOnE and something for a signature', () => `${part({ alg: 'nOnE' })}.${part(claims)}.AA`],
    ['expired', () => signToken({ sub: 'ann' }, -10)],
    [
      'without an end',
      () =>
        new SignJWT({ sub: 'ann' })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(createSecretKey(Buffer.from(JWT_SECRET))),
    ],
    ['not valid yet', () => signToken({ sub: 'ann', nbf: soon })],
    ['of another secret', () => signToken({ sub: 'ann' }, 60, `${JWT_SECRET}!`)],
    [
      'of an empty secret',
      () => new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32)),
    ],
    [
      'of the public key as a secret',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(createSecretKey(Buffer.from(JSON.stringify(issuer.publicKey)))),
    ],
    [
      'of HS512, with the right secret',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS512' })
          .sign(createSecretKey(Buffer.from(JWT_SECRET.repeat(2)))),
    ],
    [
      'with a key of its own in the head',
      () => `${part({ alg: 'RS256', jwk: issuer.publicKey })}.${part(claims)}.AAAA`,
    ],
    [
      'with keys of its own at a URL',
      () => `${part({ alg: 'RS256', jku: 'http://evil.example/keys', kid: 'one' })}.${part(claims)}.AAAA`,
    ],
    [
      'with a key id that is a path',
      () => `${part({ alg: 'RS256', kid: '../../one' })}.${part(claims)}.AAAA`,
    ],
    [
      'of another user, changed to be of Ann',
      async () => (await signToken({ sub: 'eve' })).replace(/\.[^.]+\./, `.${part(claims)}.`),
    ],
    [
      "with Ann's claims and another's signature",
      async () =>
        `${(await signToken({ sub: 'ann' })).split('.').slice(0, 2).join('.')}.${(await signToken({ sub: 'eve' })).split('.')[2]}`,
    ],
    ['of the tenant of the server itself', () => signToken({ sub: 'ann', tenant: '_server' })],
  ])('%s', async (_, make) => {
    const token = await make();
    using socket = await openContexts(server);
    expect(await socket.ask({ type: 'auth', token, userId: 'ann' })).toMatchObject({ code: 'unauthorized' });
    refused(
      await request(server, '/api/v1/context/current', {
        key: null,
        headers: { authorization: `Bearer ${token}` },
      }),
      401,
    );
    await learntNothing(socket);
  });

  test("a good one of Eve's is good for Eve alone, and gives no scope that the server does not let it", async () => {
    const token = await issuer.sign({
      sub: 'eve',
      scope: 'admin contexts:impersonate contexts:read keys:write',
    });
    using socket = await openContexts(server);
    expect(await socket.ask({ type: 'auth', token, userId: 'ann' })).toMatchObject({ code: 'unauthorized' });
    await socket.auth(token, 'eve');
    const event = { payload: { kind: 'x' } };
    expect(await socket.ask({ type: 'broadcast', channel: 'user-contexts', event })).toMatchObject({
      code: 'unauthorized',
    });
    const headers = { authorization: `Bearer ${token}` };
    refused(await request(server, '/keys', { key: null, headers }), 403);
    refused(await request(server, '/api/v1/context/current?userId=ann', { key: null, headers }), 403);
    await learntNothing(socket);
  });

  test('one that expires may do nothing more, whatever it was subscribed to', async () => {
    using socket = await openContexts(server);
    await socket.auth(await signToken({ sub: 'eve' }, 3), 'eve');
    await socket.subscribe('user-contexts');
    await socket.next('error', ({ code }: Said) => code === 'unauthorized');
    for (const message of [
      { type: 'subscribe', channels: ['tab-events'] },
      { type: 'broadcast', channel: 'user-contexts', event: { payload: { kind: 'x' } } },
      { type: 'sync', message: contextMessage('late') },
    ])
      expect(await socket.ask(message)).toMatchObject({ code: 'unauthorized' });
    await learntNothing(socket);
  });
});
