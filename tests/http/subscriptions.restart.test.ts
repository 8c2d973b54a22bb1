import { expect, test } from 'vitest';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  append,
  type Claim,
  claim,
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

const LONG = 60_000;

function start(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return startServer({ env: { ...SUBSCRIPTION_SETTINGS, ...env } });
}

function hook(server: TestServer, receiver: WebhookReceiver, id: string): ReturnType<typeof subscribe> {
  const body = { type: 'webhook', pattern: `${id}/*`, webhook: { url: receiver.url }, lease_ttl_ms: LONG };
  return subscribe(server, id, body);
}

const jwksOf = async (server: TestServer): Promise<Jwks> =>
  (await request(server, `${CONTROL}/jwks.json`, { key: null })).json<Jwks>();

const last = ({ wake_id, generation, streams }: Wake): unknown => ({
  wake_id,
  generation,
  acks: streams.map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset })),
  done: true,
});

test('P-282 a server that is killed in the middle of a call makes it again: never lost, and fenced as before', async () => {
  await using server = await start();
  await using receiver = await startReceiver(hang);
  await hook(server, receiver, 'killed');
  await makeStream(server, 'killed/a');
  const end = await append(server, 'killed/a', 1);
  const { wake: before } = await receiver.call(1);
  const jwks = await jwksOf(server);
  await server.kill('SIGKILL');
  receiver.answer(accept);
  await server.restart();

  const again = await receiver.call(2);
  expect(again.wake).toMatchObject({ wake_id: before.wake_id, generation: before.generation });
  expect(again.wake.streams).toEqual(before.streams);
  expect(await jwksOf(server)).toEqual(jwks);
  expect(isSigned(again, jwks)).toBe(true);
  // The token that the dead process gave is one of this wake still; then it is of none.
  const first = await work(server, 'killed', 'callback', before.callback_token, last(before));
  expect(first.json()).toEqual({ ok: true, next_wake: false });
  expectRefusal(
    await work(server, 'killed', 'callback', again.wake.callback_token, last(again.wake)),
    409,
    'FENCED',
  );
  expect(await cursorsOf(server, 'killed')).toEqual({ 'killed/a': end });

  await append(server, 'killed/a', 2);
  expect((await receiver.call(3)).wake.generation).toBe(before.generation + 1);
});

test('P-282 whenever it is killed, every event is told of in the end, and no generation has two wakes', async () => {
  await using server = await start();
  await using receiver = await startReceiver(done);
  await hook(server, receiver, 'often');
  const names = Array.from({ length: 4 }, (_, i) => `often/${i}`);
  for (let round = 0; round < 3; round++) {
    for (const name of names) {
      await makeStream(server, name);
      await append(server, name, round);
    }
    // Sometimes before the call, sometimes in it, sometimes behind it.
    if (round === 1) await receiver.call(1);
    await server.kill('SIGKILL');
    await server.restart();
  }
  const ends: Record<string, string> = {};
  for (const name of names) ends[name] = await append(server, name, 'last');
  await until(async () => {
    const cursors = await cursorsOf(server, 'often');
    return names.every((name) => cursors[name] === ends[name]);
  }, 'every cursor to be at its end');
  const wakes = new Map<number, string>();
  for (const { wake } of receiver.calls) {
    expect(wakes.get(wake.generation) ?? wake.wake_id).toBe(wake.wake_id);
    wakes.set(wake.generation, wake.wake_id);
  }
});

test('P-273 P-282 the next attempt of a failed call is due when it was due before', async () => {
  await using server = await start({
    PLAYHEAD_WEBHOOK_RETRY_MS: '60000',
    PLAYHEAD_WEBHOOK_RETRY_MAX_MS: '60000',
  });
  await using receiver = await startReceiver(refuse);
  await hook(server, receiver, 'later');
  await makeStream(server, 'later/a');
  const end = await append(server, 'later/a', 1);
  await receiver.call(1);
  const nextAttempt = async (): Promise<unknown> =>
    ((await readSubscription(server, 'later')) as { next_attempt_at?: string }).next_attempt_at;
  await until(async () => (await nextAttempt()) !== undefined, 'the next attempt to be planned');
  const planned = await nextAttempt();
  await server.kill('SIGKILL');
  await server.restart();
  expect(await nextAttempt()).toBe(planned);
  expect(receiver.calls).toHaveLength(1);
  // To confirm a subscription is to ask for it now.
  receiver.answer(done);
  const body = { type: 'webhook', pattern: 'later/*', webhook: { url: receiver.url }, lease_ttl_ms: LONG };
  expect((await control(server, 'subscriptions/later', { method: 'PUT', body })).status).toBe(200);
  await until(async () => (await cursorsOf(server, 'later'))['later/a'] === end, 'the ack');
});

test('P-282 a lease survives the kill of the server, and with it who has it', async () => {
  await using server = await start();
  await makeStream(server, 'wake/held');
  await subscribe(server, 'held', {
    type: 'pull-wake',
    pattern: 'held/*',
    wake_stream: 'wake/held',
    lease_ttl_ms: LONG,
  });
  await makeStream(server, 'held/a');
  await append(server, 'held/a', 1);
  const claimed = (await claim(server, 'held', 'worker-1')).json<Claim>();
  await server.kill('SIGKILL');
  await server.restart();
  const busy = expectRefusal(await claim(server, 'held', 'worker-2'), 409, 'ALREADY_CLAIMED');
  expect(busy).toMatchObject({ current_holder: 'worker-1', generation: claimed.generation });
  const { wake_id, generation, token } = claimed;
  expect((await work(server, 'held', 'release', token, { wake_id, generation })).status).toBe(204);
  expect((await claim(server, 'held', 'worker-2')).json<Claim>().generation).toBe(generation + 1);
});

test('P-282 what was deleted stays deleted, and membership stays as it was', async () => {
  await using server = await start();
  await using receiver = await startReceiver(done);
  await hook(server, receiver, 'stays');
  await hook(server, receiver, 'goes');
  await makeStream(server, 'stays/a');
  const streams = ['extra/b', 'extra/c'];
  await control(server, 'subscriptions/stays/streams', { method: 'POST', body: { streams } });
  await control(server, 'subscriptions/stays/streams/extra%2Fc', { method: 'DELETE' });
  await control(server, 'subscriptions/goes', { method: 'DELETE' });
  const before = await readSubscription(server, 'stays');
  expect(before.streams.map(({ path }) => path).sort()).toEqual(['extra/b', 'stays/a']);
  await server.kill('SIGKILL');
  await server.restart();
  const sorted = (some: typeof before): unknown => ({
    ...some,
    streams: [...some.streams].sort((a, b) => (a.path < b.path ? -1 : 1)),
  });
  expect(sorted(await readSubscription(server, 'stays'))).toEqual(sorted(before));
  expectRefusal(await control(server, 'subscriptions/goes'), 404, 'SUBSCRIPTION_NOT_FOUND');
  const end = await append(server, 'stays/a', 1);
  await until(async () => (await cursorsOf(server, 'stays'))['stays/a'] === end, 'the ack');
});

test('P-264 D-22 a network that is closed by now is not called, whatever was allowed when it was subscribed', async () => {
  await using server = await start();
  await using receiver = await startReceiver(done);
  await hook(server, receiver, 'closed');
  await server.restart({ PLAYHEAD_ALLOWED_NETWORKS: '' });
  await makeStream(server, 'closed/a');
  await append(server, 'closed/a', 1);
  await until(
    async () => (await readSubscription(server, 'closed')).last_failure?.reason === 'not called: address',
    'the call to be refused',
  );
  expect(receiver.calls).toEqual([]);
});

test('P-282 a server that goes away in good order waits for the answer of a webhook, and remembers it', async () => {
  await using server = await start();
  let answer = (): void => undefined;
  await using receiver = await startReceiver((call) => (answer = () => done(call)));
  await hook(server, receiver, 'drain');
  await makeStream(server, 'drain/a');
  const end = await append(server, 'drain/a', 1);
  await receiver.call(1);
  const gone = server.kill('SIGTERM');
  await until(() => server.stderr.includes('draining'), 'the server to drain');
  answer();
  expect(await gone).toMatchObject({ code: 0 });
  await server.restart();
  expect(await cursorsOf(server, 'drain')).toEqual({ 'drain/a': end });
  expect(receiver.calls).toHaveLength(1);
});
