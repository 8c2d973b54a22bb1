import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';
import { readPage } from '../support/streams.ts';
import {
  append,
  CONTROL,
  type Claim,
  claim,
  control,
  cursorsOf,
  expectRefusal,
  makeStream,
  putSubscription,
  readSubscription,
  SUBSCRIPTION_SETTINGS,
  subscribe,
  type Subscription,
  work,
} from '../support/subscriptions.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: {
      ...SUBSCRIPTION_SETTINGS,
      PLAYHEAD_SUBSCRIPTIONS: '12',
      PLAYHEAD_SUBSCRIPTION_STREAMS: '6',
    },
  });
});
afterAll(() => server?.stop());

/** Nobody listens there: what these tests subscribe to is never called in vain. */
const URL = 'http://127.0.0.1:9999/hook';
const webhook = { type: 'webhook', webhook: { url: URL } };

test('P-260 nothing under __ds is a stream, whatever the method, the spelling and the face', async () => {
  const paths = [CONTROL, `${CONTROL}/`, `${CONTROL}/x`, `${CONTROL}/subscriptions/a/b/c`];
  for (const path of paths) {
    for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'])
      expectRefusal(await request(server, path, { method, body: {} }), 404, 'NOT_FOUND');
    expect((await request(server, path, { method: 'HEAD' })).status).toBe(404);
  }
  for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
    const answer = await request(server, '/v1/stream/%5f%5Fds/x', { method, body: {} });
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('__ds is no stream')]);
  }
  for (const path of ['/v1/stream//__ds/x', '/v1/stream/./__ds/x', '/v1/stream/x/../__ds/x'])
    expect((await request(server, path, { method: 'PUT' })).status).toBe(400);
  expect((await request(server, '/v1/streams/__ds/x', { method: 'PUT' })).status).toBe(403);
  using socket = await openSocket(server);
  socket.send({ type: 'create', id: '1', stream: '__ds/x' });
  expect(await socket.next('problem')).toMatchObject({ problem: { code: 'forbidden' } });
});

test('P-261 a subscription is made once, confirmed by the same configuration and refused to another', async () => {
  const body = {
    ...webhook,
    pattern: '/made/*/',
    streams: ['one/b', 'one/a', '/one/a/'],
    lease_ttl_ms: 2_000,
    description: 'what it is for',
  };
  const made = await subscribe(server, 'made', body);
  expect(made).toMatchObject({
    id: 'made',
    subscription_id: 'made',
    type: 'webhook',
    pattern: 'made/*',
    webhook: { url: URL },
    wake_stream: null,
    lease_ttl_ms: 2_000,
    status: 'active',
    description: 'what it is for',
    streams: [
      { path: 'one/a', link_type: 'explicit', acked_offset: '-1' },
      { path: 'one/b', link_type: 'explicit', acked_offset: '-1' },
    ],
  });
  expect(made.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const again = await putSubscription(server, 'made', { ...body, streams: ['one/a', 'one/b'], unknown: 1 });
  expect([again.status, again.json()]).toEqual([200, made]);
  expect(await readSubscription(server, 'made')).toEqual(made);
  for (const other of [
    { pattern: 'other/*' },
    { streams: ['one/a'] },
    { lease_ttl_ms: 3_000 },
    { description: undefined },
    { webhook: { url: `${URL}2` } },
    { type: 'pull-wake', wake_stream: 'wake/made' },
  ])
    expectRefusal(
      await putSubscription(server, 'made', { ...body, ...other }),
      409,
      'SUBSCRIPTION_ALREADY_EXISTS',
    );
  expect((await control(server, 'subscriptions/made', { method: 'DELETE' })).status).toBe(204);
  expect((await control(server, 'subscriptions/made', { method: 'DELETE' })).status).toBe(204);
  expectRefusal(await control(server, 'subscriptions/made'), 404, 'SUBSCRIPTION_NOT_FOUND');
});

test('P-261 P-262 what is malformed is refused and makes nothing', async () => {
  const bodies: unknown[] = [
    {},
    { ...webhook },
    { ...webhook, type: 'mail', pattern: 'a/*' },
    { type: 'webhook', pattern: 'a/*' },
    { type: 'pull-wake', pattern: 'a/*' },
    { type: 'pull-wake', pattern: 'a/*', wake_stream: 'a//b' },
    { type: 'pull-wake', pattern: 'a/*', wake_stream: 'commands/x' },
    { type: 'pull-wake', streams: ['wake/x'], wake_stream: 'wake/x' },
    { ...webhook, pattern: 'a*' },
    { ...webhook, pattern: 'a//b' },
    { ...webhook, pattern: '../**' },
    { ...webhook, streams: ['a//b'] },
    { ...webhook, streams: ['/'.repeat(100_000)] },
    { ...webhook, streams: [7] },
    { ...webhook, streams: ['contexts/alice/tabs'] },
    { ...webhook, pattern: 'a/*', lease_ttl_ms: 10 },
    { ...webhook, pattern: 'a/*', lease_ttl_ms: 600_001 },
    { ...webhook, pattern: 'a/*', lease_ttl_ms: 1.5 },
    { ...webhook, pattern: 'a/*', description: 'x'.repeat(1_025) },
    [],
    7,
  ];
  for (const body of bodies)
    expectRefusal(
      await putSubscription(server, 'bad', body as Record<string, unknown>),
      400,
      'INVALID_REQUEST',
    );
  for (const id of ['a%20b', 'a%3Fb', 'x'.repeat(129), '%C3%A4'])
    expectRefusal(await putSubscription(server, id, { ...webhook, pattern: 'a/*' }), 400, 'INVALID_REQUEST');
  const text = await control(server, 'subscriptions/bad', { method: 'PUT', body: '{"type":' });
  expectRefusal(text, 400, 'BAD_REQUEST');
  expectRefusal(await control(server, 'subscriptions/bad'), 404, 'SUBSCRIPTION_NOT_FOUND');
});

test('P-263 what is there is linked at its end, what is made later from its first event', async () => {
  await makeStream(server, 'linked/old');
  const end = await append(server, 'linked/old', 1);
  await makeStream(server, 'linked/deep/one');
  await subscribe(server, 'linked', { type: 'pull-wake', pattern: 'linked/*', wake_stream: 'linked/wake' });
  expect(await cursorsOf(server, 'linked')).toEqual({ 'linked/old': end });
  await makeStream(server, 'linked/wake');
  await makeStream(server, 'linked/new');
  await append(server, 'linked/new', 1);
  const { earliest } = await readPage(server, 'linked/new', '?after=start');
  const cursors = await cursorsOf(server, 'linked');
  expect(Object.keys(cursors).sort()).toEqual(['linked/new', 'linked/old']);
  expect(cursors['linked/new']).not.toBe('-1');
  expect((cursors['linked/new'] ?? '') < earliest).toBe(true);
  const { status, text } = await claim(server, 'linked', 'w');
  expect(status, text).toBe(200);
  expect(JSON.parse(text)).toMatchObject({
    streams: [
      { path: 'linked/new', has_pending: true },
      { path: 'linked/old', acked_offset: end, tail_offset: end, has_pending: false },
    ],
  });
  // One that is deleted is gone; one that is made again under its name begins anew.
  await request(server, '/v1/streams/linked/old', { method: 'DELETE' });
  expect(Object.keys(await cursorsOf(server, 'linked'))).toEqual(['linked/new']);
  await makeStream(server, 'linked/old');
  expect((await cursorsOf(server, 'linked'))['linked/old']).not.toBe(end);
});

test('P-201 P-262 P-266 names are spelled as on the face of streams', async () => {
  const body = { type: 'pull-wake', pattern: 'spelled ä/*', streams: ['a b'], wake_stream: 'wake/spelled' };
  const { pattern, streams } = await subscribe(server, 'spelled', body);
  expect([pattern, streams[0]?.path]).toEqual(['spelled~20~c3~a4/*', 'a~20b']);
  await makeStream(server, 'spelled~20~c3~a4/x');
  const end = await append(server, 'spelled~20~c3~a4/x', 1);
  const { wake_id, generation, token } = (await claim(server, 'spelled', 'w')).json<Claim>();
  const acks = [{ stream: 'spelled ä/x', offset: end }];
  const answer = await work(server, 'spelled', 'ack', token, { wake_id, generation, acks });
  expect(answer.status, answer.text).toBe(200);
  const gone = await control(server, 'subscriptions/spelled/streams/a%20b', { method: 'DELETE' });
  expect(gone.status).toBe(204);
  expect(await cursorsOf(server, 'spelled')).toEqual({ 'spelled~20~c3~a4/x': end });
});

test('P-264 D-22 a webhook on a network that is not open is refused, and so is http to anywhere else', async () => {
  await using closed = await startServer();
  const elsewhere = [
    'http://10.0.0.1/hook',
    'https://10.0.0.1/hook',
    'https://169.254.169.254/',
    'http://example.com/',
  ];
  for (const url of [
    ...elsewhere,
    URL,
    'http://localhost:9999/hook',
    'https://[::1]/hook',
    'http://0x7f.1/',
  ]) {
    const body = { type: 'webhook', pattern: 'a/*', webhook: { url } };
    expectRefusal(await putSubscription(closed, 'bad', body), 400, 'WEBHOOK_URL_REJECTED');
  }
  for (const url of elsewhere) {
    const body = { type: 'webhook', pattern: 'a/*', webhook: { url } };
    expectRefusal(await putSubscription(server, 'bad', body), 400, 'WEBHOOK_URL_REJECTED');
  }
});

test('P-265 subscriptions are listed in the order of their ids', async () => {
  await subscribe(server, 'list-b', { ...webhook, pattern: 'list/*' });
  await subscribe(server, 'list-a', { type: 'pull-wake', pattern: 'list/*', wake_stream: 'wake/list' });
  const listed = (await control(server, 'subscriptions')).json<{ subscriptions: { id: string }[] }>();
  expect(listed.subscriptions.filter(({ id }) => id.startsWith('list-'))).toEqual([
    { id: 'list-a', type: 'pull-wake', status: 'active' },
    { id: 'list-b', type: 'webhook', status: 'active' },
  ]);
  for (const id of ['list-a', 'list-b']) await control(server, `subscriptions/${id}`, { method: 'DELETE' });
});

test('P-266 streams are linked and unlinked by name, and stay where the pattern has them', async () => {
  await makeStream(server, 'member/a');
  const end = await append(server, 'member/a', 1);
  await subscribe(server, 'member', { ...webhook, pattern: 'member/*' });
  const add = (streams: unknown): ReturnType<typeof control> =>
    control(server, 'subscriptions/member/streams', { method: 'POST', body: { streams } });
  const remove = (path: string): ReturnType<typeof control> =>
    control(server, `subscriptions/member/streams/${path}`, { method: 'DELETE' });
  for (let i = 0; i < 2; i++) expect((await add(['member/a', 'other/b', 'other/c'])).status).toBe(204);
  const kinds = async (): Promise<unknown> => {
    const { streams } = await readSubscription(server, 'member');
    return Object.fromEntries(
      streams.map(({ path, link_type, acked_offset }) => [path, [link_type, acked_offset]]),
    );
  };
  expect(await kinds()).toEqual({
    'member/a': ['explicit', end],
    'other/b': ['explicit', '-1'],
    'other/c': ['explicit', '-1'],
  });
  for (const path of ['member%2Fa', 'other/b', 'other%2fc', 'never%2Fthere', 'member/a'])
    expect((await remove(path)).status).toBe(204);
  expect(await kinds()).toEqual({ 'member/a': ['glob', end] });
  for (const bad of [undefined, 'a/b', ['a//b'], [7], ['contexts/alice/tabs']])
    expectRefusal(await add(bad), 400, 'INVALID_REQUEST');
  expectRefusal(await add(['x/1', 'x/2', 'x/3', 'x/4', 'x/5', 'x/6']), 409, 'LIMIT_REACHED');
  expect(Object.keys((await kinds()) as object)).toEqual(['member/a']);
  for (const path of ['a%2F..%2Fb', 'a%5Cb', '%2Fa']) expect((await remove(path)).status).toBe(400);
  expectRefusal(
    await control(server, 'subscriptions/none/streams', { method: 'POST', body: { streams: ['a/b'] } }),
    404,
    'SUBSCRIPTION_NOT_FOUND',
  );
});

test('P-286 a pattern that takes in more streams than there may be is refused; later ones wait for room', async () => {
  for (let i = 0; i < 5; i++) await makeStream(server, `many/${i}`);
  await subscribe(server, 'many', { ...webhook, pattern: 'many/**' });
  await makeStream(server, 'many/5');
  await makeStream(server, 'many/6');
  const names = async (): Promise<unknown> =>
    (await readSubscription(server, 'many')).streams.map(({ path }) => path).sort();
  expect(await names()).toEqual(['many/0', 'many/1', 'many/2', 'many/3', 'many/4', 'many/5']);
  expect(await readSubscription(server, 'many')).toMatchObject({ streams_truncated: true });
  expectRefusal(
    await putSubscription(server, 'many-more', { ...webhook, pattern: 'many/**' }),
    409,
    'LIMIT_REACHED',
  );
  expectRefusal(await control(server, 'subscriptions/many-more'), 404, 'SUBSCRIPTION_NOT_FOUND');
  await request(server, '/v1/streams/many/0', { method: 'DELETE' });
  expect(await names()).toEqual(['many/1', 'many/2', 'many/3', 'many/4', 'many/5', 'many/6']);
  expect(await readSubscription(server, 'many')).not.toHaveProperty('streams_truncated');
});

test('P-286 a tenant has so many subscriptions and no more', async () => {
  const key = await makeKey(server, { scopes: ['streams:write'], tenant: 'crowded' });
  const body = { type: 'pull-wake', pattern: 'a/*', wake_stream: 'wake/a' };
  const answers = await Promise.all(
    Array.from({ length: 14 }, (_, i) => putSubscription(server, `crowd-${i}`, body, key)),
  );
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused).toHaveLength(2);
  for (const answer of refused) expectRefusal(answer, 409, 'LIMIT_REACHED');
});

test('P-263 a tenant sees, matches and wakes its own alone', async () => {
  const key = await makeKey(server, { scopes: ['streams:write'], tenant: 'elsewhere' });
  const body = { type: 'pull-wake', pattern: '**', wake_stream: 'wake/t' };
  await makeStream(server, 'tenants/ours');
  await makeStream(server, 'tenants/theirs', key);
  const ours = { ...body, pattern: 'tenants/*' };
  await subscribe(server, 'tenants', ours);
  expectRefusal(await control(server, 'subscriptions/tenants', { key }), 404, 'SUBSCRIPTION_NOT_FOUND');
  expectRefusal(await claim(server, 'tenants', 'spy', key), 404, 'SUBSCRIPTION_NOT_FOUND');
  expect((await control(server, 'subscriptions/tenants', { method: 'DELETE', key })).status).toBe(204);
  await subscribe(server, 'tenants', body, key);
  const seen = async (who?: string): Promise<string[]> =>
    (await readSubscription(server, 'tenants', who)).streams.map(({ path }) => path);
  expect(await seen()).toEqual(['tenants/ours']);
  expect(await seen(key)).toEqual(['tenants/theirs']);
  await append(server, 'tenants/ours', 1);
  expectRefusal(await claim(server, 'tenants', 'spy', key), 409, 'NO_PENDING_WORK');
  expect((await claim(server, 'tenants', 'worker')).status).toBe(200);
});

test('P-265 P-276 reading needs streams:read, everything else streams:write, and a key', async () => {
  const reader = await makeKey(server, { scopes: ['streams:read'] });
  const stranger = await makeKey(server, { scopes: ['projects:read'] });
  const body = { type: 'pull-wake', pattern: 'scopes/*', wake_stream: 'wake/scopes' };
  await subscribe(server, 'scopes', body);
  const one = 'subscriptions/scopes';
  const calls: [string, string, unknown][] = [
    ['PUT', one, body],
    ['DELETE', one, undefined],
    ['POST', `${one}/streams`, { streams: ['a/b'] }],
    ['DELETE', `${one}/streams/a%2Fb`, undefined],
    ['POST', `${one}/claim`, { worker: 'w' }],
  ];
  for (const [method, path, payload] of calls) {
    const options = { method, ...(payload === undefined ? {} : { body: payload }) };
    expectRefusal(await control(server, path, { ...options, key: reader }), 403, 'FORBIDDEN');
    expectRefusal(await control(server, path, { ...options, key: null }), 401, 'UNAUTHORIZED');
  }
  for (const path of [one, 'subscriptions']) {
    for (const method of ['GET', 'HEAD'])
      expect((await control(server, path, { method, key: reader })).status).toBe(200);
    expectRefusal(await control(server, path, { key: stranger }), 403, 'FORBIDDEN');
    expectRefusal(await control(server, path, { key: null }), 401, 'UNAUTHORIZED');
  }
  // A key may come as Bearer, too, where no token of a wake is expected (D-40).
  const headers = { authorization: `Bearer ${server.key}` };
  expect((await control(server, one, { key: null, headers })).status).toBe(200);
});

test('P-270 P-271 public keys are everybody’s, those of other tenants only for who knows their set', async () => {
  const key = await makeKey(server, { scopes: ['streams:write'], tenant: 'signing' });
  const body = { ...webhook, pattern: 'keys/*' };
  const ours = (await subscribe(server, 'keys', body)).webhook?.signing;
  const theirs = (await subscribe(server, 'keys', body, key)).webhook?.signing;
  expect(ours).toMatchObject({ alg: 'ed25519', jwks_url: `${server.url}${CONTROL}/jwks.json` });
  expect(theirs?.jwks_url).toMatch(/\/jwks\.json\?set=[\w-]{22}$/);
  const kids = async (url = ''): Promise<string[]> => {
    const answer = await request(server, url.slice(server.url.length), { key: null });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=300',
    });
    const { keys } = answer.json<{ keys: Record<string, string>[] }>();
    for (const each of keys)
      expect({ ...each, x: '', kid: '' }).toEqual({
        kty: 'OKP',
        crv: 'Ed25519',
        use: 'sig',
        alg: 'EdDSA',
        x: '',
        kid: '',
      });
    return keys.map(({ kid = '' }) => kid);
  };
  expect(await kids(ours?.jwks_url)).toEqual([ours?.kid]);
  expect(await kids(theirs?.jwks_url)).toEqual([theirs?.kid]);
  expect(ours?.kid).not.toBe(theirs?.kid);
  expectRefusal(await control(server, 'jwks.json?set=unknown', { key: null }), 404, 'NOT_FOUND');
});

test('D-40 URLs in answers follow the Host header that the caller used', async () => {
  const headers = { host: `localhost:${server.port}` };
  const { webhook: shown } = (await control(server, 'subscriptions/keys', { headers })).json<Subscription>();
  expect(shown?.signing.jwks_url).toBe(`http://localhost:${server.port}${CONTROL}/jwks.json`);
  expect((await control(server, 'jwks.json', { headers: { host: 'evil.example' } })).status).toBe(421);
});
