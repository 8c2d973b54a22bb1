import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';
import {
  append,
  CONTROL,
  control,
  cursorsOf,
  expectRefusal,
  makeStream,
  readSubscription,
  SUBSCRIPTION_SETTINGS,
  subscribe,
  work,
} from '../support/subscriptions.ts';
import {
  accept,
  done,
  hang,
  isSigned,
  type Jwks,
  refuse,
  startReceiver,
  type Wake,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: SUBSCRIPTION_SETTINGS });
});
afterAll(() => server?.stop());

/** A lease that no test waits for. */
const LONG = 60_000;

/** A subscription to the streams under its own id. */
function hook(
  receiver: WebhookReceiver,
  id: string,
  lease_ttl_ms: number = LONG,
  at: TestServer = server,
): ReturnType<typeof subscribe> {
  const body = { type: 'webhook', pattern: `${id}/**`, webhook: { url: receiver.url }, lease_ttl_ms };
  return subscribe(at, id, body);
}

async function keysOf(url: string): Promise<Jwks> {
  return (await request(server, url.slice(server.url.length), { key: null })).json<Jwks>();
}

function acksOf({ streams }: Wake): { stream: string; offset: string }[] {
  return streams.map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset }));
}

function bodyOf(wake: Wake, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { wake_id: wake.wake_id, generation: wake.generation, ...more };
}

const callback = (wake: Wake, body: unknown, token = wake.callback_token): ReturnType<typeof work> =>
  work(server, wake.subscription_id, 'callback', token, body);

test('P-268 P-269 P-272 a signed call tells what is pending, and `done` acknowledges that', async () => {
  await using receiver = await startReceiver(done);
  const { webhook } = await hook(receiver, 'basic');
  await makeStream(server, 'basic/a');
  const first = await append(server, 'basic/a', 1);
  const call = await receiver.call(1);
  expect(call.headers['content-type']).toBe('application/json');
  expect(call.wake).toEqual({
    subscription_id: 'basic',
    wake_id: expect.stringMatching(/^w_[0-9a-f]{24}$/),
    generation: 1,
    streams: [
      {
        path: 'basic/a',
        link_type: 'glob',
        acked_offset: expect.any(String),
        tail_offset: first,
        has_pending: true,
      },
    ],
    callback_url: `${server.url}${CONTROL}/subscriptions/basic/callback`,
    callback_token: expect.any(String),
  });
  const jwks = await keysOf(webhook?.signing.jwks_url ?? '');
  expect(isSigned(call, jwks)).toBe(true);
  expect(isSigned({ ...call, raw: `${call.raw} ` }, jwks)).toBe(false);
  await until(async () => (await cursorsOf(server, 'basic'))['basic/a'] === first, 'the ack');
  const second = await append(server, 'basic/a', 2);
  const next = await receiver.call(2);
  expect(next.wake).toMatchObject({ generation: 2, streams: [{ acked_offset: first, tail_offset: second }] });
  expect(next.wake.wake_id).not.toBe(call.wake.wake_id);
});

test('P-272 what comes while the webhook works is the next wake, not a lost one', async () => {
  let release = (): void => undefined;
  await using receiver = await startReceiver((call) => (release = () => done(call)));
  await hook(receiver, 'busy');
  await makeStream(server, 'busy/a');
  const first = await append(server, 'busy/a', 1);
  await receiver.call(1);
  const second = await append(server, 'busy/a', 2);
  await makeStream(server, 'busy/b');
  await append(server, 'busy/b', 1);
  receiver.answer(done);
  release();
  const { wake } = await receiver.call(2);
  expect(wake.generation).toBe(2);
  expect(wake.streams).toMatchObject([
    { path: 'busy/a', acked_offset: first, tail_offset: second, has_pending: true },
    { path: 'busy/b', has_pending: true },
  ]);
});

test('P-283 appends of every face wake: the socket, our own, and what the server writes itself', async () => {
  await using receiver = await startReceiver(done);
  await hook(receiver, 'faces');
  using socket = await openSocket(server);
  socket.send({ type: 'create', id: '1', stream: 'faces/socket' });
  await socket.next('created');
  socket.send({ type: 'append', id: '2', stream: 'faces/socket', events: [{ type: 'x', data: 1 }] });
  await receiver.call(1, ({ wake }) =>
    wake.streams.some(({ path, has_pending }) => path === 'faces/socket' && has_pending),
  );
  const body = { type: 'webhook', pattern: 'commands/*', webhook: { url: receiver.url } };
  await subscribe(server, 'produced', body);
  await run(server, 'echo hello');
  const { wake } = await receiver.call(1, (call) => call.wake.subscription_id === 'produced');
  expect(wake.streams.some(({ path, has_pending }) => path.startsWith('commands/') && has_pending)).toBe(
    true,
  );
});

test('P-274 P-277 a callback acknowledges with the token of its wake, once', async () => {
  await using receiver = await startReceiver(accept);
  await hook(receiver, 'async');
  await makeStream(server, 'async/a');
  const first = await append(server, 'async/a', 1);
  const { wake } = await receiver.call(1);
  const beat = await callback(wake, bodyOf(wake));
  expect([beat.status, beat.json()]).toEqual([200, { ok: true, next_wake: false }]);
  const second = await append(server, 'async/a', 2);
  const part = await callback(wake, bodyOf(wake, { acks: [{ path: 'async/a', offset: first }] }));
  expect(part.json()).toEqual({ ok: true, next_wake: false });
  expect(await cursorsOf(server, 'async')).toEqual({ 'async/a': first });
  const last = bodyOf(wake, { acks: [{ stream: 'async/a', offset: first }], done: true });
  expect((await callback(wake, last)).json()).toEqual({ ok: true, next_wake: true });
  expectRefusal(await callback(wake, last), 409, 'FENCED');
  const { wake: next } = await receiver.call(2);
  expect(next).toMatchObject({ generation: 2, streams: [{ acked_offset: first, tail_offset: second }] });
  // Neither the token of one wake with the words of the other, nor the other way round.
  expectRefusal(await callback(next, bodyOf(wake)), 409, 'FENCED');
  expectRefusal(await callback(next, bodyOf(next), wake.callback_token), 409, 'FENCED');
  expectRefusal(await callback(next, { ...bodyOf(next), generation: 1 }), 409, 'FENCED');
  expectRefusal(await callback(next, { ...bodyOf(next), wake_id: wake.wake_id }), 409, 'FENCED');
  expect((await callback(next, bodyOf(next, { acks: acksOf(next), done: true }))).json()).toEqual({
    ok: true,
    next_wake: false,
  });
});

test('P-275 acks move no cursor back, none ahead, and all of them or none', async () => {
  await using receiver = await startReceiver(accept);
  await hook(receiver, 'acks');
  await makeStream(server, 'acks/a');
  await makeStream(server, 'acks/b');
  await makeStream(server, 'other/acks');
  const one = await append(server, 'acks/a', 1);
  const two = await append(server, 'acks/a', 2);
  const three = await append(server, 'acks/b', 1);
  const foreign = await append(server, 'other/acks', 1);
  const { wake } = await receiver.call(1);
  const ack = (...acks: unknown[]): ReturnType<typeof callback> => callback(wake, bodyOf(wake, { acks }));
  expect((await ack({ stream: 'acks/a', offset: two })).status).toBe(200);
  const ahead = `${two.slice(0, two.indexOf('-'))}-a9`;
  for (const offset of [one, ahead, '-1', 'now', '', 'nonsense', foreign, `zzzzzzzzzzzzzzzz-a1`])
    expectRefusal(
      await ack({ stream: 'acks/b', offset: three }, { stream: 'acks/a', offset }),
      409,
      'INVALID_OFFSET',
    );
  expectRefusal(await ack({ stream: 'other/acks', offset: foreign }), 409, 'INVALID_OFFSET');
  expect((await cursorsOf(server, 'acks'))['acks/b']).not.toBe(three);
  for (const body of [undefined, 7, {}, { wake_id: 7, generation: 1 }, bodyOf(wake, { acks: 'all' })])
    expectRefusal(await callback(wake, body), 400, 'INVALID_REQUEST');
  const many = Array.from({ length: 1_001 }, () => ({ stream: 'acks/a', offset: two }));
  expectRefusal(await ack(...many), 400, 'INVALID_REQUEST');
  expect((await ack({ stream: 'acks/a', offset: two }, { stream: 'acks/b', offset: three })).status).toBe(
    200,
  );
});

test('P-276 only a token of this very subscription is one; a key is none', async () => {
  await using receiver = await startReceiver(accept);
  await hook(receiver, 'token');
  await hook(receiver, 'token2');
  for (const id of ['token', 'token2']) {
    await makeStream(server, `${id}/a`);
    await append(server, `${id}/a`, 1);
  }
  const of = async (id: string): Promise<Wake> =>
    (await receiver.call(1, ({ wake }) => wake.subscription_id === id)).wake;
  const wake = await of('token');
  const other = await of('token2');
  const forged = wake.callback_token.replace(/.\./, (end) => (end === 'A.' ? 'B.' : 'A.'));
  const [head = '', mac = ''] = wake.callback_token.split('.');
  const claims = JSON.parse(Buffer.from(head.slice(4), 'base64url').toString()) as unknown[];
  const raised = JSON.stringify(claims.map((each) => (each === 1 ? 2 : each)));
  const tokens = [
    forged,
    `dsw_${Buffer.from(raised).toString('base64url')}.${mac}`,
    other.callback_token,
    server.key,
    'x',
    '',
  ];
  for (const token of tokens) expectRefusal(await callback(wake, bodyOf(wake), token), 401, 'TOKEN_INVALID');
  const path = 'subscriptions/token/callback';
  const none = await control(server, path, { method: 'POST', body: bodyOf(wake) });
  expectRefusal(none, 401, 'TOKEN_INVALID');
  expect(none.headers['www-authenticate']).toContain('Bearer');
  // Nor does a token open anything that a key opens.
  const headers = { authorization: `Bearer ${wake.callback_token}` };
  expect((await control(server, 'subscriptions/token', { key: null, headers })).status).toBe(401);
  expect((await request(server, '/v1/streams', { key: null, headers })).status).toBe(401);
  // Whatever key comes with it: the token alone says who calls (D-40).
  const stranger = await makeKey(server, { scopes: ['streams:read'], tenant: 'stranger' });
  const with_ = { method: 'POST', body: bodyOf(wake), key: stranger, headers };
  expect((await control(server, path, with_)).status).toBe(200);
  for (const action of ['ack', 'release'] as const)
    expectRefusal(
      await work(server, 'token', action, wake.callback_token, bodyOf(wake)),
      400,
      'INVALID_REQUEST',
    );
  expectRefusal(
    await control(server, 'subscriptions/token/claim', { method: 'POST', body: { worker: 'w' } }),
    400,
    'INVALID_REQUEST',
  );
});

test('P-273 a call that fails is made again with the same wake, and the subscription says so', async () => {
  await using receiver = await startReceiver(refuse);
  await hook(receiver, 'retry');
  await makeStream(server, 'retry/a');
  await append(server, 'retry/a', 1);
  const third = await receiver.call(3);
  expect(new Set(receiver.calls.map(({ wake }) => `${wake.wake_id} ${wake.generation}`)).size).toBe(1);
  expect(await readSubscription(server, 'retry')).toMatchObject({
    status: 'failed',
    last_failure: { reason: 'answered 500' },
  });
  const end = await append(server, 'retry/a', 2);
  receiver.answer(done);
  const { wake } = await receiver.call(1, ({ wake: each }) => each.streams[0]?.tail_offset === end);
  expect(wake.wake_id).toBe(third.wake.wake_id);
  await until(async () => (await cursorsOf(server, 'retry'))['retry/a'] === end, 'the ack');
  const { status, last_failure } = await readSubscription(server, 'retry');
  expect([status, last_failure]).toEqual(['active', undefined]);
});

test('P-273 P-286 webhooks that hang delay no other, and are given up after a while', async () => {
  await using hasty = await startServer({
    env: { ...SUBSCRIPTION_SETTINGS, PLAYHEAD_WEBHOOK_TIMEOUT_MS: '300' },
  });
  await using hanging = await startReceiver(hang);
  await using healthy = await startReceiver(done);
  const ids = ['hang0', 'hang1', 'hang2', 'hang3', 'hang4'];
  for (const id of ids) await hook(hanging, id, LONG, hasty);
  await hook(healthy, 'healthy', LONG, hasty);
  for (const id of [...ids, 'healthy']) await makeStream(hasty, `${id}/a`);
  for (const id of ids) await append(hasty, `${id}/a`, 1);
  await hanging.call(ids.length);
  for (let i = 1; i <= 5; i++) {
    const end = await append(hasty, 'healthy/a', i);
    await healthy.call(1, ({ wake }) => wake.streams.some(({ tail_offset }) => tail_offset === end));
  }
  await hanging.call(2, ({ wake }) => wake.subscription_id === 'hang0');
  expect((await readSubscription(hasty, 'hang0')).last_failure?.reason).toBe('timeout');
});

test('P-286 a redirect is not followed, and an answer without end is not read to its end', async () => {
  let asked = 0;
  const target = createServer((_request, response) => {
    asked++;
    response.end('{"done":true}');
  });
  const { url, close } = await listenOnLoopback(target);
  const location = `${url}/`;
  await using receiver = await startReceiver(
    ({ response }) => void response.writeHead(307, { location }).end(),
  );
  await hook(receiver, 'redirect');
  await makeStream(server, 'redirect/a');
  const end = await append(server, 'redirect/a', 1);
  await receiver.call(2);
  expect((await readSubscription(server, 'redirect')).last_failure?.reason).toBe('answered 307');
  receiver.answer(({ response }) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
    };
    response.on('drain', more);
    more();
  });
  await until(
    async () => (await readSubscription(server, 'redirect')).last_failure?.reason === 'too-large',
    'an answer that is too long',
  );
  expect(asked).toBe(0);
  receiver.answer(done);
  await until(async () => (await cursorsOf(server, 'redirect'))['redirect/a'] === end, 'the ack');
  await close();
});

test('P-281 a lease that nobody renews is over: the next wake has another generation, and the old token is fenced', async () => {
  await using receiver = await startReceiver(accept);
  await hook(receiver, 'lease', 100);
  await makeStream(server, 'lease/a');
  await append(server, 'lease/a', 1);
  const { wake } = await receiver.call(1);
  const { wake: next } = await receiver.call(2);
  expect(next.generation).toBe(wake.generation + 1);
  expect(next.wake_id).not.toBe(wake.wake_id);
  expectRefusal(await callback(wake, bodyOf(wake, { acks: acksOf(wake), done: true })), 409, 'FENCED');
});

test('P-285 a deleted subscription calls nobody and takes no callback; nor does a new one of its id', async () => {
  await using receiver = await startReceiver(accept);
  await hook(receiver, 'deleted');
  await makeStream(server, 'deleted/a');
  await append(server, 'deleted/a', 1);
  const { wake } = await receiver.call(1);
  expect((await control(server, 'subscriptions/deleted', { method: 'DELETE' })).status).toBe(204);
  const last = bodyOf(wake, { acks: acksOf(wake), done: true });
  expectRefusal(await callback(wake, last), 404, 'SUBSCRIPTION_NOT_FOUND');
  const { streams } = await hook(receiver, 'deleted');
  await append(server, 'deleted/a', 2);
  const { wake: fresh } = await receiver.call(2);
  expect(fresh).toMatchObject({ generation: 1, streams: [{ acked_offset: streams[0]?.acked_offset }] });
  expectRefusal(await callback(wake, last), 409, 'FENCED');
  expectRefusal(await callback(fresh, last, fresh.callback_token), 409, 'FENCED');
});

test('P-287 neither tokens nor URLs of webhooks are in the log', async () => {
  await using receiver = await startReceiver(refuse);
  await hook(receiver, 'secret');
  await makeStream(server, 'secret/a');
  await append(server, 'secret/a', 1);
  const { wake } = await receiver.call(2);
  await until(() => server.stderr.includes('"subscription":"secret"'), 'an entry in the log');
  for (const secret of [wake.callback_token, receiver.url, '/hook', server.key])
    expect(server.stderr).not.toContain(secret);
});
