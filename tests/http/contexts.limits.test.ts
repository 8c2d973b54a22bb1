import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextMessage, device, openContexts, sync, tabMessage, userKey } from '../support/contexts.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { jsonOf, openStream } from '../support/sse-client.ts';
import { JWT_SECRET, signToken, startIssuer } from '../support/tokens.ts';
import { until } from '../support/within.ts';

interface Presence {
  readonly connected: boolean;
  readonly connections: readonly { readonly connectionId: string; readonly channels: readonly string[] }[];
  readonly devices: readonly { readonly id?: string }[];
}

const servers: TestServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function start(env: Record<string, string>): Promise<TestServer> {
  const server = await startServer({ env });
  servers.push(server);
  return server;
}

const presenceOf = async (server: TestServer, key: string): Promise<Presence> =>
  (await request(server, '/api/v1/presence', { key })).json<Presence>();

describe('silence', () => {
  let server: TestServer;
  let key: string;
  beforeAll(async () => {
    server = await start({ PLAYHEAD_CONTEXTS_CHECK_MS: '200', PLAYHEAD_CONTEXTS_SILENCE_MS: '4000' });
    key = await userKey(server, 'ann');
  });

  test('CX-17 who says nothing at all is dropped, signed in or not; who says something now and then is not', async () => {
    using silent = await openContexts(server);
    using bound = await device(server, key, 'ann', 'user-contexts');
    using speaking = await openContexts(server);
    expect(speaking.messages[0]?.['heartbeatInterval']).toBe(1_666);
    const beating = setInterval(() => speaking.send({ type: 'heartbeat' }), 500);
    try {
      for (const socket of [silent, bound]) {
        expect(await socket.closed()).toMatchObject({ code: 4408 });
        expect(socket.messages.at(-1)).toMatchObject({ type: 'error', code: 'connection_error' });
      }
      expect(speaking.open).toBe(true);
    } finally {
      clearInterval(beating);
    }
  });

  test('CX-18 however a connection ends, it is gone from everywhere, and logged once', async () => {
    const ends: readonly ((socket: WebSocket) => void)[] = [
      (socket) => socket.close(),
      (socket) => socket.close(4001, 'bye'),
      () => undefined,
    ];
    /** Of each channel, how many of the user's connections hear it. */
    const subscribers = async (): Promise<number[]> =>
      (await request(server, '/api/v1/channels', { key }))
        .json<{ channels: { subscribers: number }[] }>()
        .channels.map((channel) => channel.subscribers);
    const ids: string[] = [];
    for (const end of ends) {
      const socket = await device(server, key, 'ann', 'user-contexts', 'tab-events');
      ids.push(String(socket.messages[0]?.['connectionId']));
      expect((await presenceOf(server, key)).connections).toHaveLength(1);
      expect(await subscribers()).toEqual([1, 0, 1, 1]);
      end(socket.socket);
      await socket.closed();
      await until(async () => !(await presenceOf(server, key)).connected, 'nobody to be connected');
    }
    // One whose machine vanished: no close, nothing.
    const raw = await rawSocket(server);
    raw.destroy();
    expect(await subscribers()).toEqual([0, 0, 0, 0]);
    const lines = server.stderr.split('\n').filter((line) => line.includes('a connection of contexts ended'));
    for (const id of ids) {
      const [line, ...more] = lines.filter((each) => each.includes(id));
      expect(more).toEqual([]);
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        ...{ connection_id: id, tenant: 'default', reason: expect.any(String), messages: expect.any(Number) },
        ...{ lasted_ms: expect.any(Number), key_id: expect.any(String), open: expect.any(Number) },
      });
    }
    expect(server.stderr).not.toContain(key);
  });
});

test('CX-17 who speaks is not silent because something that it asked for takes long', async () => {
  // Whoever signs tokens takes its time to say with which keys.
  const signer = createServer((_, answer) => void setTimeout(() => answer.end('{"keys":[]}'), 3_000));
  await new Promise<void>((resolve) => signer.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(signer.address() as AddressInfo).port}`;
  const server = await start({
    ...{ PLAYHEAD_JWKS_URL: `http://${host}/keys`, PLAYHEAD_ALLOWED_NETWORKS: host },
    ...{ PLAYHEAD_CONTEXTS_CHECK_MS: '100', PLAYHEAD_CONTEXTS_SILENCE_MS: '2000' },
  });
  await using issuer = await startIssuer('RS256');
  using socket = await openContexts(server);
  const beating = setInterval(() => socket.send({ type: 'heartbeat' }), 200);
  try {
    const token = await issuer.sign({ sub: 'ann' });
    expect(await socket.ask({ type: 'auth', token, userId: 'ann' })).toMatchObject({ code: 'unauthorized' });
    expect(socket.messages.filter(({ code }) => code === 'connection_error')).toEqual([]);
    expect(await socket.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
  } finally {
    clearInterval(beating);
    signer.close();
  }
});

describe('rates', () => {
  test('CX-25 D-43 messages are limited with a hint, the connection survives, and a flood ends it; others are unharmed', async () => {
    const server = await start({
      PLAYHEAD_CONTEXTS_MESSAGE_RATE: '5',
      PLAYHEAD_CONTEXTS_FLOOD_MS: '600',
      PLAYHEAD_CONTEXTS_USER_RATE: '100000',
    });
    const key = await userKey(server, 'ann');
    using other = await device(server, key, 'ann', 'user-contexts');
    using socket = await openContexts(server);
    for (let i = 0; i < 15; i++) socket.send({ type: 'heartbeat', requestId: i });
    const limited = await socket.next('error');
    expect(limited).toMatchObject({ code: 'rate_limited', retryAfter: 1, requestId: expect.any(Number) });
    expect(socket.open).toBe(true);

    using flooding = await openContexts(server);
    const sending = setInterval(() => {
      for (let i = 0; i < 50; i++) if (flooding.open) flooding.send({ type: 'heartbeat' });
    }, 2);
    try {
      expect(await flooding.closed()).toMatchObject({ code: 4429 });
    } finally {
      clearInterval(sending);
    }
    await sync(server, key, contextMessage('a'));
    await other.events('user-contexts', 1);
  });

  test('CX-25 D-43 a flood is read no faster than it takes to know that it is one', async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_MESSAGE_RATE: '1' });
    using other = await openContexts(server);
    using flooding = await openContexts(server);
    // All of it is on its way at once, in far more pieces than are looked at in a second.
    const pad = 'x'.repeat(4_000);
    for (let i = 0; i < 1_000; i++) flooding.send({ type: 'heartbeat', requestId: i, pad });
    await flooding.next('error');
    expect(await other.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
    expect(await other.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
    expect(flooding.messages.length).toBeLessThan(500);
    expect(flooding.open).toBe(true);
  });

  test('the rate of a user counts all connections together', async () => {
    const server = await start({
      PLAYHEAD_CONTEXTS_MESSAGE_RATE: '100000',
      PLAYHEAD_CONTEXTS_USER_RATE: '5',
    });
    const key = await userKey(server, 'ann');
    const sockets = await Promise.all([1, 2, 3].map(() => device(server, key, 'ann')));
    for (let i = 0; i < 6; i++) for (const socket of sockets) socket.send({ type: 'heartbeat' });
    const answers = await Promise.all(
      sockets.map(async (socket) => {
        await until(() => socket.messages.length >= 8, 'six answers');
        return socket.messages.filter(({ type, code }) => type === 'error' && code === 'rate_limited').length;
      }),
    );
    expect(answers.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    for (const socket of sockets) socket.socket.close();
  });
});

describe('how many', () => {
  test('D-20 connections without a user are capped by address, and signing in makes room; so are those of a user', async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_ANONYMOUS: '3', PLAYHEAD_CONTEXTS_USER_CONNECTIONS: '2' });
    const key = await userKey(server, 'ann');
    const sockets = await Promise.all([1, 2, 3].map(() => openContexts(server)));
    await expect(openContexts(server)).rejects.toThrow('refused');
    const answer = await upgrade(server, {});
    expect(answer).toMatch(/^HTTP\/1\.1 429 /);
    await sockets[0]?.auth(key, 'ann');
    await sockets[1]?.auth(key, 'ann');
    using more = await openContexts(server);
    expect(await more.ask({ type: 'auth', token: key, userId: 'ann' })).toMatchObject({
      ...{ code: 'rate_limited', retryAfter: expect.any(Number) },
    });
    sockets[0]?.socket.close();
    await sockets[0]?.closed();
    await until(
      async () => (await more.ask({ type: 'auth', token: key, userId: 'ann' }))['success'] === true,
      'room',
    );
    for (const socket of sockets) socket.socket.close();
  });

  test('a connection has a number of channels, and a frame a size; what is beyond harms nobody else', async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_CHANNELS: '2', PLAYHEAD_BODY_LIMIT: '4096' });
    const key = await userKey(server, 'ann');
    using other = await device(server, key, 'ann', 'user-contexts');
    using socket = await device(server, key, 'ann', 'user-contexts', 'global-events');
    await socket.subscribe('tab-events');
    expect(await socket.ask({ type: 'subscribe', channels: ['current-context'] })).toMatchObject({
      code: 'invalid_message',
    });
    await socket.ask({ type: 'unsubscribe', channels: ['tab-events'] });
    await socket.subscribe('current-context');
    socket.send(JSON.stringify({ type: 'heartbeat', pad: 'x'.repeat(5_000) }));
    expect(await socket.closed()).toMatchObject({ code: 1009 });
    await sync(server, key, contextMessage('a'));
    await other.events('user-contexts', 1);
  });

  test('D-20 any Origin may connect, and cookies say nothing', async () => {
    const server = await start({});
    using socket = await openContexts(server, {
      headers: { origin: 'chrome-extension://abcdef', cookie: 'playhead_session=whatever' },
    });
    expect(await socket.ask({ type: 'subscribe', channels: ['user-contexts'] })).toMatchObject({
      code: 'unauthorized',
    });
    expect(await upgrade(server, { host: 'evil.example' })).toMatch(/^HTTP\/1\.1 421 /);
  });

  test('who never reads is cut off, and slows nobody', async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_USER_RATE: '100000' });
    const key = await userKey(server, 'ann');
    using reader = await device(server, key, 'ann', 'user-contexts');
    const deaf = await rawSocket(server);
    deaf.write(frame(JSON.stringify({ type: 'auth', token: key, userId: 'ann' })));
    deaf.write(frame(JSON.stringify({ type: 'subscribe', channels: ['user-contexts'] })));
    await until(
      async () =>
        (await presenceOf(server, key)).connections.some(
          ({ channels }) => channels.length === 2 && channels.includes('user-contexts'),
        ) && (await presenceOf(server, key)).connections.length === 2,
      'both to be there',
    );
    deaf.pause();
    const content = 'x'.repeat(200_000);
    for (let i = 0; i < 40; i++) await sync(server, key, contextMessage(`c${i}`, { content }));
    expect((await reader.events('user-contexts', 40)).length).toBe(40);
    await until(
      async () => (await presenceOf(server, key)).connections.length === 1,
      'the deaf one to be cut off',
    );
    deaf.destroy();
  });
});

describe('tokens', () => {
  test('D-15 CX-24 a JWT names tenant and user; once it has expired: unauthorized, a grace, the end; another in time goes on', async () => {
    const server = await start({
      PLAYHEAD_JWT_SECRET: JWT_SECRET,
      PLAYHEAD_CONTEXTS_CHECK_MS: '50',
      PLAYHEAD_CONTEXTS_GRACE_MS: '1500',
    });
    const long = await signToken({ sub: 'ann' });
    expect(
      (await request(server, '/api/v1/presence', { key: null, headers: { authorization: `Bearer ${long}` } }))
        .status,
    ).toBe(200);
    using renewed = await openContexts(server);
    using ending = await openContexts(server);
    const short = await signToken({ sub: 'ann' }, 6);
    for (const socket of [renewed, ending]) {
      await socket.auth(short, 'ann');
      await socket.subscribe('user-contexts');
    }
    await renewed.next('error', ({ code }) => code === 'unauthorized');
    expect(await renewed.ask({ type: 'subscribe', channels: ['tab-events'] })).toMatchObject({
      code: 'unauthorized',
    });
    expect(await renewed.ask({ type: 'auth', token: short, userId: 'ann' })).toMatchObject({
      code: 'unauthorized',
    });
    await renewed.auth(long, 'ann');
    await renewed.subscribe('tab-events');
    expect(await ending.closed()).toMatchObject({ code: 4510 });
    await sync(server, long, tabMessage('activate', 1));
    await renewed.events('tab-events', 1);
    expect(renewed.open).toBe(true);
  });

  test.each(['RS256', 'ES256'] as const)(
    'D-15 %s, with keys fetched once under the rule for outgoing requests',
    async (alg) => {
      await using issuer = await startIssuer(alg);
      const { host } = new URL(issuer.url);
      const server = await start({ PLAYHEAD_JWKS_URL: issuer.url, PLAYHEAD_ALLOWED_NETWORKS: host });
      const token = await issuer.sign({ sub: 'ann', tenant: 'acme' });
      using socket = await openContexts(server);
      await socket.auth(token, 'ann');
      using again = await openContexts(server);
      await again.auth(await issuer.sign({ sub: 'bob' }), 'bob');
      expect(issuer.fetched).toBe(1);
      const refused = await start({ PLAYHEAD_JWKS_URL: issuer.url });
      using stranger = await openContexts(refused);
      expect(await stranger.ask({ type: 'auth', token, userId: 'ann' })).toMatchObject({
        code: 'unauthorized',
      });
      expect(issuer.fetched).toBe(1);
    },
  );

  test("a key that is deleted ends its connections at once, and nobody else's", async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_CHECK_MS: '200' });
    const body = { name: 'short', scopes: ['contexts:write'], user_id: 'ann' };
    const { data } = (await request(server, '/keys', { method: 'POST', body })).json<
      Envelope<{ id: string; key: string }>
    >();
    const other = await userKey(server, 'ann');
    using socket = await device(server, data.key, 'ann', 'user-contexts');
    using kept = await device(server, other, 'ann', 'user-contexts');
    expect((await request(server, `/keys/${data.id}`, { method: 'DELETE' })).status).toBeLessThan(300);
    expect(await socket.closed()).toMatchObject({ code: 4510 });
    await kept.ask({ type: 'heartbeat' });
    expect(kept.open).toBe(true);
  });

  test('the deadline for signing in is a setting', async () => {
    const server = await start({ PLAYHEAD_CONTEXTS_AUTH_MS: '300', PLAYHEAD_CONTEXTS_CHECK_MS: '50' });
    const key = await userKey(server, 'ann');
    using bound = await device(server, key, 'ann');
    using socket = await openContexts(server);
    expect(await socket.closed()).toMatchObject({ code: 4510 });
    expect(bound.open).toBe(true);
  });
});

test('P-450 presence: who is connected with which devices on which channels, and an event for each change', async () => {
  const server = await start({});
  const key = await userKey(server, 'ann');
  await using watch = await openStream(server, '/api/v1/presence', { key });
  expect(jsonOf<Presence>(await watch.event('snapshot'))).toMatchObject({
    connected: false,
    connections: [],
  });
  using socket = await openContexts(server);
  await socket.auth(key, 'ann', { device: { id: 'd1', name: 'Laptop', os: 'linux' } });
  await socket.subscribe('tab-events');
  const changes = (from: number, change: string) =>
    watch.frame(
      (one) => one.event === 'presence' && jsonOf<{ change: string }>(one).change === change,
      change,
      from,
    );
  expect(jsonOf(await changes(0, 'connected'))).toMatchObject({ device: { id: 'd1' }, connections: 1 });
  expect(jsonOf(await changes(0, 'changed'))).toMatchObject({ channels: ['global-events', 'tab-events'] });
  expect(await presenceOf(server, key)).toMatchObject({
    ...{ connected: true, devices: [{ id: 'd1', name: 'Laptop', os: 'linux' }] },
    connections: [{ device: { id: 'd1' }, channels: ['global-events', 'tab-events'] }],
  });
  const hearing = await request(server, '/api/v1/channels/tab-events/presence', { key });
  expect(hearing.json()).toEqual({ channel: 'tab-events', users: [{ userId: 'ann', connections: 1 }] });
  socket.socket.close();
  expect(jsonOf(await changes(0, 'disconnected'))).toMatchObject({ connections: 0 });

  // Who watches does so for as long as the key counts.
  const body = { name: 'short', scopes: ['contexts:read'], user_id: 'ann' };
  const { data } = (await request(server, '/keys', { method: 'POST', body })).json<
    Envelope<{ id: string; key: string }>
  >();
  await using other = await openStream(server, '/api/v1/presence', { key: data.key });
  await other.event('snapshot');
  expect((await request(server, `/keys/${data.id}`, { method: 'DELETE' })).status).toBeLessThan(300);
  expect(await other.end()).toBe('broken');
  // And nobody else's is.
  using more = await openContexts(server);
  await more.auth(key, 'ann', { device: { id: 'd2' } });
  await watch.frame((one) => one.event === 'presence' && one.data?.includes('"d2"') === true, 'd2', 0);
});

/** A client of which a test decides every byte. */
function rawSocket(server: TestServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(handshake({}));
  return new Promise((resolve) => socket.once('data', () => resolve(socket)));
}

/** What the server answers to a request to upgrade. */
async function upgrade(server: TestServer, headers: Readonly<Record<string, string>>): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(handshake(headers));
  const answer = await new Promise<string>((resolve) =>
    socket.once('data', (data) => resolve(data.toString())),
  );
  socket.destroy();
  return answer;
}

function handshake(headers: Readonly<Record<string, string>>): string {
  const all = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    ...headers,
  };
  return `GET /ws HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** One masked text frame. */
function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const mask = randomBytes(4);
  const head =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}
