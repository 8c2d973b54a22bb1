import { afterAll, beforeAll, expect, test } from 'vitest';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import {
  append,
  type Claim,
  claim,
  control,
  cursorsOf,
  expectRefusal,
  makeStream,
  readSubscription,
  SUBSCRIPTION_SETTINGS,
  subscribe,
  work,
} from '../support/subscriptions.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: SUBSCRIPTION_SETTINGS });
});
afterAll(() => server?.stop());

/** A lease that no test waits for. */
const LONG = 60_000;

interface WakeEvent {
  readonly type: 'wake';
  readonly subscription_id: string;
  readonly stream: string;
  readonly generation: number;
  readonly ts: number;
}

/** A subscription to the streams under its own id, and a reader of its wake events. */
class Pool implements Disposable {
  readonly id: string;
  readonly #socket: SocketClient;

  constructor(id: string, socket: SocketClient) {
    this.id = id;
    this.#socket = socket;
  }

  /** Waits for so many wake events, and gives the last of them. */
  async wake(count: number): Promise<WakeEvent> {
    const events = await this.#socket.events(`wake/${this.id}`, count);
    return events[count - 1]?.data as WakeEvent;
  }

  async claim(worker: string): Promise<Claim> {
    const answer = await claim(server, this.id, worker);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<Claim>();
  }

  work(
    action: 'ack' | 'release',
    claimed: Claim,
    more: Readonly<Record<string, unknown>> = {},
  ): ReturnType<typeof work> {
    const { wake_id, generation, token } = claimed;
    return work(server, this.id, action, token, { wake_id, generation, ...more });
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

async function pool(id: string, lease_ttl_ms: number = LONG): Promise<Pool> {
  await makeStream(server, `wake/${id}`);
  await subscribe(server, id, {
    type: 'pull-wake',
    pattern: `${id}/*`,
    wake_stream: `wake/${id}`,
    lease_ttl_ms,
  });
  const socket = await openSocket(server);
  socket.send({ type: 'subscribe', id: 's', stream: `wake/${id}`, after: 'start' });
  return new Pool(id, socket);
}

test('P-278 P-279 P-280 workers race for a lease: one has it, acknowledges, and lets go', async () => {
  using workers = await pool('race');
  await makeStream(server, 'race/a');
  const first = await append(server, 'race/a', 1);
  const before = Date.now();
  expect(await workers.wake(1)).toEqual({
    type: 'wake',
    subscription_id: 'race',
    stream: 'race/a',
    generation: 1,
    ts: expect.any(Number),
  });
  expect(Math.abs((await workers.wake(1)).ts - before)).toBeLessThan(60_000);

  const answers = await Promise.all(['one', 'two', 'three'].map((worker) => claim(server, 'race', worker)));
  const won = answers.filter(({ status }) => status === 200);
  expect(won).toHaveLength(1);
  const claimed = won[0]?.json<Claim>() as Claim;
  expect(claimed).toEqual({
    wake_id: expect.stringMatching(/^w_/),
    generation: 1,
    token: expect.any(String),
    streams: [
      {
        path: 'race/a',
        link_type: 'glob',
        acked_offset: expect.any(String),
        tail_offset: first,
        has_pending: true,
      },
    ],
    lease_ttl_ms: LONG,
  });
  const holder = ['one', 'two', 'three'][answers.findIndex(({ status }) => status === 200)];
  for (const answer of answers.filter(({ status }) => status !== 200))
    expect(expectRefusal(answer, 409, 'ALREADY_CLAIMED')).toMatchObject({
      current_holder: holder,
      generation: 1,
    });

  const beat = await workers.work('ack', claimed, { acks: [{ stream: 'race/a', offset: first }] });
  expect([beat.status, beat.json()]).toEqual([200, { ok: true, next_wake: false }]);
  expect(await cursorsOf(server, 'race')).toEqual({ 'race/a': first });
  const second = await append(server, 'race/a', 2);
  expect((await workers.work('ack', claimed, { done: true })).json()).toEqual({ ok: true, next_wake: true });
  expect(await workers.wake(2)).toMatchObject({ generation: 2, stream: 'race/a' });
  for (const action of ['ack', 'release'] as const)
    expectRefusal(await workers.work(action, claimed), 409, 'FENCED');

  const again = await workers.claim('two');
  expect((await workers.work('release', again)).status).toBe(204);
  expect(await workers.wake(3)).toMatchObject({ generation: 3 });
  expectRefusal(await workers.work('release', again), 409, 'FENCED');
  const last = await workers.claim('one');
  const acks = [{ stream: 'race/a', offset: second }];
  expect((await workers.work('ack', last, { acks, done: true })).json()).toEqual({
    ok: true,
    next_wake: false,
  });
  expectRefusal(await claim(server, 'race', 'one'), 409, 'NO_PENDING_WORK');
});

test('P-279 a claim right behind an append finds it, wake event or not', async () => {
  using workers = await pool('prompt');
  await makeStream(server, 'prompt/a');
  for (let i = 1; i <= 20; i++) {
    const end = await append(server, 'prompt/a', i);
    const claimed = await workers.claim('w');
    expect(claimed.streams[0]).toMatchObject({ tail_offset: end, has_pending: true });
    const acks = [{ stream: 'prompt/a', offset: end }];
    expect((await workers.work('ack', claimed, { acks, done: true })).json()).toEqual({
      ok: true,
      next_wake: false,
    });
  }
});

test('P-278 what was announced and is gone is announced anew when it comes back', async () => {
  using workers = await pool('gone');
  await makeStream(server, 'gone/a');
  await append(server, 'gone/a', 1);
  await workers.wake(1);
  await request(server, '/v1/streams/gone/a', { method: 'DELETE' });
  expectRefusal(await claim(server, 'gone', 'w'), 409, 'NO_PENDING_WORK');
  await makeStream(server, 'gone/b');
  await append(server, 'gone/b', 1);
  expect(await workers.wake(2)).toMatchObject({ generation: 2, stream: 'gone/b' });
});

test('P-278 a wake stream that is made late, or holds no JSON, is tried until it takes the event', async () => {
  await subscribe(server, 'late', { type: 'pull-wake', pattern: 'late/*', wake_stream: 'wake/late' });
  await makeStream(server, 'late/a');
  await append(server, 'late/a', 1);
  await until(
    async () =>
      (await readSubscription(server, 'late')).last_failure?.reason === 'the wake stream does not exist',
    'the failure to be told',
  );
  expect((await readSubscription(server, 'late')).status).toBe('failed');
  await makeStream(server, 'wake/late');
  using socket = await openSocket(server);
  socket.send({ type: 'subscribe', id: 's', stream: 'wake/late', after: 'start' });
  expect((await socket.events('wake/late', 1))[0]?.data).toMatchObject({ generation: 1 });
  await until(
    async () => (await readSubscription(server, 'late')).status === 'active',
    'the subscription to be well',
  );
});

test('P-281 the lease of a silent worker goes to the next one, and the silent one is fenced', async () => {
  using workers = await pool('silent', 100);
  await makeStream(server, 'silent/a');
  const end = await append(server, 'silent/a', 1);
  await workers.wake(1);
  const silent = await workers.claim('silent');
  expect(await workers.wake(2)).toMatchObject({ generation: silent.generation + 1 });
  const acks = [{ stream: 'silent/a', offset: end }];
  expectRefusal(await workers.work('ack', silent, { acks, done: true }), 409, 'FENCED');
  expectRefusal(await workers.work('release', silent), 409, 'FENCED');
  expect((await cursorsOf(server, 'silent'))['silent/a']).not.toBe(end);
});

test('P-276 a token that has expired is none', async () => {
  await using brief = await startServer({
    env: { ...SUBSCRIPTION_SETTINGS, PLAYHEAD_SUBSCRIPTION_TOKEN_MS: '1' },
  });
  const body = { type: 'pull-wake', streams: ['brief/a'], wake_stream: 'wake/brief', lease_ttl_ms: LONG };
  await subscribe(brief, 'brief', body);
  await makeStream(brief, 'brief/a');
  await append(brief, 'brief/a', 1);
  const { wake_id, generation, token } = (await claim(brief, 'brief', 'w')).json<Claim>();
  await until(async () => {
    const answer = await work(brief, 'brief', 'ack', token, { wake_id, generation });
    return answer.status === 401;
  }, 'the token to expire');
  const answer = await work(brief, 'brief', 'ack', token, { wake_id, generation });
  expectRefusal(answer, 401, 'TOKEN_EXPIRED');
});

test('P-279 P-280 what is malformed is refused, and so is what is for the other kind', async () => {
  using workers = await pool('forms');
  await makeStream(server, 'forms/a');
  await append(server, 'forms/a', 1);
  for (const body of [undefined, {}, { worker: '' }, { worker: 7 }, { worker: 'x'.repeat(257) }])
    expectRefusal(
      await control(server, 'subscriptions/forms/claim', { method: 'POST', body: body ?? '' }),
      400,
      'INVALID_REQUEST',
    );
  const claimed = await workers.claim('w');
  expectRefusal(await work(server, 'forms', 'callback', claimed.token, {}), 400, 'INVALID_REQUEST');
  expectRefusal(await work(server, 'forms', 'release', claimed.token, {}), 400, 'INVALID_REQUEST');
  expectRefusal(await work(server, 'forms', 'release', 'x', {}), 401, 'TOKEN_INVALID');
  expect((await workers.work('release', claimed)).status).toBe(204);
});
