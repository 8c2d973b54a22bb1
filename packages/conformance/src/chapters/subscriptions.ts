import { afterAll, describe, expect, test } from 'vitest';
import { type Answer, type AskOptions, ask } from '../ask.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { openSocket } from '../socket.ts';
import { append, freshName, makeStream, PREFIX, readAll } from '../streams.ts';
import { target } from '../target.ts';
import { until } from '../within.ts';

const CONTROL = '/v1/stream/__ds';

interface Subscription {
  readonly id: string;
  readonly streams: readonly { path: string; link_type: string; acked_offset: string }[];
  readonly webhook: { url: string; signing: { alg: string; kid: string; jwks_url: string } } | null;
  readonly status: string;
  readonly next_attempt_at?: string;
}

interface Claim {
  readonly wake_id: string;
  readonly generation: number;
  readonly token: string;
  readonly streams: readonly {
    path: string;
    acked_offset: string;
    tail_offset: string;
    has_pending: boolean;
  }[];
}

const made: string[] = [];
afterAll(async () => {
  for (const id of made) await control(id, { method: 'DELETE' });
});

function control(path: string, options: AskOptions = {}): Promise<Answer> {
  return ask(`${CONTROL}/subscriptions/${path}`, options);
}

function put(id: string, body: unknown, key?: string): Promise<Answer> {
  made.push(id);
  return control(id, { method: 'PUT', body, ...(key === undefined ? {} : { key }) });
}

/** Makes a subscription to `{PREFIX}-{id}/…` by pull-wake, with a wake stream. */
async function pool(id: string, more: Readonly<Record<string, unknown>> = {}): Promise<Pool> {
  const wakes = await makeStream();
  const pattern = `${PREFIX}-${id}/**`;
  const body = { type: 'pull-wake', pattern, wake_stream: wakes, lease_ttl_ms: 60_000, ...more };
  const answer = await put(`${PREFIX}-${id}`, body);
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return new Pool(`${PREFIX}-${id}`, wakes);
}

class Pool {
  readonly id: string;
  readonly wakes: string;

  constructor(id: string, wakes: string) {
    this.id = id;
    this.wakes = wakes;
  }

  async stream(name: string): Promise<string> {
    const stream = `${this.id}/${name}`;
    const answer = await ask(`/v1/streams/${stream}`, { method: 'PUT', body: { ttl_seconds: 3600 } });
    expect(answer.status).toBe(201);
    return stream;
  }

  async show(): Promise<Subscription> {
    return (await control(this.id)).json<Subscription>();
  }

  async claim(worker = 'w'): Promise<Claim> {
    const answer = await control(`${this.id}/claim`, { method: 'POST', body: { worker } });
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return answer.json<Claim>();
  }

  work(
    action: 'ack' | 'release',
    claim: Claim,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const { wake_id, generation, token } = claim;
    const headers = { authorization: `Bearer ${token}` };
    const body = { wake_id, generation, ...more };
    return control(`${this.id}/${action}`, { method: 'POST', body, key: null, headers });
  }

  /** Waits for so many wake events, and gives the last of them. */
  async wake(count: number): Promise<unknown> {
    let events: Awaited<ReturnType<typeof readAll>> = [];
    await until(async () => {
      events = await readAll(this.wakes);
      return events.length >= count;
    }, `wake event ${count}`);
    return events[count - 1]?.data;
  }
}

function expectRefusal(answer: Answer, status: number, code: string): Record<string, unknown> {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(code)]);
  const { error } = answer.json<{ error: Record<string, unknown> }>();
  expect(error).toMatchObject({ code, message: expect.any(String) as unknown });
  return error;
}

/** A webhook that nobody can call: the name is reserved for having no address. */
const WEBHOOK = { type: 'webhook', webhook: { url: 'https://hook.invalid/' } };

describe('14 Subscriptions', () => {
  test('P-260 nothing under __ds is a stream', async () => {
    for (const path of ['', '/', '/x', '/subscriptions/a/b/c'])
      for (const method of ['GET', 'PUT', 'POST', 'DELETE'])
        expect((await ask(`${CONTROL}${path}`, { method, body: {} })).status).toBe(404);
    const stream = await ask('/v1/streams/__ds/x', { method: 'PUT', body: {} });
    expect(stream.status).toBeGreaterThanOrEqual(400);
  });

  test('P-261 the same configuration confirms, another one of that id is refused', async () => {
    const id = `${PREFIX}-made`;
    const body = { ...WEBHOOK, pattern: `${id}/*`, streams: [`${id}/b`, `/${id}/a/`] };
    expect((await put(id, body)).status).toBe(201);
    expect((await put(id, { ...body, streams: [`${id}/a`, `${id}/b`, `${id}/a`] })).status).toBe(200);
    expectRefusal(await put(id, { ...body, pattern: `${id}/**` }), 409, 'SUBSCRIPTION_ALREADY_EXISTS');
    for (const bad of [{ ...WEBHOOK }, { ...body, type: 'mail' }, { ...body, lease_ttl_ms: 600_001 }])
      expectRefusal(await put(`${id}-bad`, bad), 400, 'INVALID_REQUEST');
    const own = { type: 'pull-wake', streams: ['a/b'], wake_stream: 'a/b' };
    expectRefusal(await put(`${id}-bad`, own), 400, 'INVALID_REQUEST');
  });

  test('P-262 P-263 a pattern takes in what is there at its end, and what is made later from its beginning', async () => {
    const id = `${PREFIX}-scope`;
    const old = `${id}/x/old`;
    await ask(`/v1/streams/${old}`, { method: 'PUT', body: { ttl_seconds: 3600 } });
    const end = await append(old, 1);
    const workers = await pool('scope', { pattern: `${id}/*/old`, streams: [`${id}/named`] });
    await workers.stream('y/old');
    await workers.stream('y/other');
    await workers.stream('y/z/old');
    const offsets = Object.fromEntries(
      (await workers.show()).streams.map((each) => [each.path, each.acked_offset]),
    );
    expect(Object.keys(offsets).sort()).toEqual([`${id}/named`, old, `${id}/y/old`]);
    expect([offsets[old], offsets[`${id}/named`]]).toEqual([end, '-1']);
    await append(`${id}/y/old`, 1);
    const { streams } = await workers.claim();
    expect(streams.filter(({ has_pending }) => has_pending).map(({ path }) => path)).toEqual([`${id}/y/old`]);
    const { key } = await makeKey({ scopes: ['streams:write'], tenant: freshTenant() });
    expectRefusal(await control(workers.id, { key }), 404, 'SUBSCRIPTION_NOT_FOUND');
  });

  test('P-264 a webhook is at https, and tells no password', async () => {
    for (const url of [
      'http://example.com/',
      'https://user:word@example.com/',
      'https://example.com/#x',
      'ftp://a/',
    ]) {
      const body = { type: 'webhook', pattern: 'a/*', webhook: { url } };
      expectRefusal(await put(`${PREFIX}-url`, body), 400, 'WEBHOOK_URL_REJECTED');
    }
  });

  test('P-265 P-270 P-271 a subscription shows what it is, and whose keys sign', async () => {
    const id = `${PREFIX}-shown`;
    const { key } = await makeKey({ scopes: ['streams:write'], tenant: freshTenant() });
    const body = { ...WEBHOOK, pattern: `${id}/*`, description: 'shown' };
    const ours = (await put(id, body)).json<Subscription>();
    const theirs = (await put(id, body, key)).json<Subscription>();
    expect(ours).toMatchObject({
      ...{ id, subscription_id: id, type: 'webhook', pattern: `${id}/*`, streams: [] },
      ...{ webhook: { url: WEBHOOK.webhook.url, signing: { alg: 'ed25519' } } },
      ...{ wake_stream: null, lease_ttl_ms: 30_000, status: 'active', description: 'shown' },
    });
    expect((await control(id)).json()).toEqual(ours);
    const listed = (await ask(`${CONTROL}/subscriptions`)).json<{ subscriptions: unknown[] }>();
    expect(listed.subscriptions).toContainEqual({ id, type: 'webhook', status: 'active' });
    for (const { webhook } of [ours, theirs]) {
      const { kid = '', jwks_url = '' } = webhook?.signing ?? {};
      const { pathname, search } = new URL(jwks_url);
      const root = new URL(target.url).pathname.replace(/\/$/, '');
      const keys = await ask(pathname.slice(root.length) + search, { key: null });
      expect(keys.headers['content-type']).toContain('application/jwk-set+json');
      expect(keys.json()).toEqual({
        keys: [
          { kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid, x: expect.any(String) as unknown },
        ],
      });
      expect(kid).toMatch(/^ds_/);
    }
    expect(ours.webhook?.signing.kid).not.toBe(theirs.webhook?.signing.kid);
    const reader = await makeKey({ scopes: ['streams:read'] });
    expect((await control(id, { key: reader.key })).status).toBe(200);
    expect((await control(id, { method: 'DELETE', key: reader.key })).status).toBe(403);
    expect((await control(id, { key: null })).status).toBe(401);
    await control(id, { method: 'DELETE', key });
  });

  test('P-266 streams are linked and unlinked by name', async () => {
    const workers = await pool('links');
    const own = await workers.stream('a');
    const other = freshName();
    const streams = (method: string, path: string, body?: unknown): Promise<Answer> =>
      control(`${workers.id}/streams${path}`, { method, ...(body === undefined ? {} : { body }) });
    for (let i = 0; i < 2; i++)
      expect((await streams('POST', '', { streams: [own, other] })).status).toBe(204);
    const kinds = async (): Promise<unknown> =>
      Object.fromEntries((await workers.show()).streams.map(({ path, link_type }) => [path, link_type]));
    expect(await kinds()).toEqual({ [own]: 'explicit', [other]: 'explicit' });
    for (const path of [encodeURIComponent(own), other, encodeURIComponent(other)])
      expect((await streams('DELETE', `/${path}`)).status).toBe(204);
    expect(await kinds()).toEqual({ [own]: 'glob' });
  });

  test('P-267 P-273 an attempt that fails is planned again, and nothing is forgotten', async () => {
    const id = `${PREFIX}-failing`;
    await put(id, { ...WEBHOOK, pattern: `${id}/*` });
    await ask(`/v1/streams/${id}/a`, { method: 'PUT', body: { ttl_seconds: 3600 } });
    await append(`${id}/a`, 1);
    await until(async () => {
      const { status, next_attempt_at } = (await control(id)).json<Subscription>();
      return status === 'failed' && next_attempt_at !== undefined;
    }, 'the next attempt to be planned');
  });

  test('P-278 P-279 P-280 P-283 one worker has the lease, until it is done or lets go', async () => {
    const workers = await pool('race');
    const stream = await workers.stream('a');
    using socket = await openSocket();
    await socket.ask({ type: 'append', stream, events: [{ type: 'n', data: 1 }] }, 'appended');
    expect(await workers.wake(1)).toEqual({
      ...{ type: 'wake', subscription_id: workers.id, stream, generation: 1 },
      ts: expect.any(Number) as unknown,
    });
    const first = await workers.claim('one');
    const busy = await control(`${workers.id}/claim`, { method: 'POST', body: { worker: 'two' } });
    expect(expectRefusal(busy, 409, 'ALREADY_CLAIMED')).toMatchObject({
      current_holder: 'one',
      generation: 1,
    });
    expect((await workers.work('release', first)).status).toBe(204);
    expect(await workers.wake(2)).toMatchObject({ generation: 2 });
    const second = await workers.claim('two');
    const acks = second.streams.map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset }));
    expect((await workers.work('ack', second, { acks })).json()).toEqual({ ok: true, next_wake: false });
    await append(stream, 2);
    expect((await workers.work('ack', second, { done: true })).json()).toEqual({ ok: true, next_wake: true });
    const third = await workers.claim('one');
    const last = third.streams.map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset }));
    expect((await workers.work('ack', third, { acks: last, done: true })).json()).toMatchObject({
      next_wake: false,
    });
    const idle = await control(`${workers.id}/claim`, { method: 'POST', body: { worker: 'one' } });
    expectRefusal(idle, 409, 'NO_PENDING_WORK');
  });

  test('P-275 a cursor moves neither back nor ahead of its stream', async () => {
    const workers = await pool('acks');
    const stream = await workers.stream('a');
    const one = await append(stream, 1);
    const two = await append(stream, 2);
    const claim = await workers.claim();
    const ack = (name: string, offset: string): Promise<Answer> =>
      workers.work('ack', claim, { acks: [{ stream: name, offset }] });
    expect((await ack(stream, two)).status).toBe(200);
    const elsewhere = await makeStream();
    for (const [name, offset] of [
      [stream, one],
      [stream, '-1'],
      [stream, 'nonsense'],
      [stream, await append(elsewhere, 1)],
      [elsewhere, two],
    ] as const)
      expectRefusal(await ack(name, offset), 409, 'INVALID_OFFSET');
  });

  test('P-276 P-277 P-284 a token is good for its own wake, and for nothing else', async () => {
    const [workers, others] = [await pool('token'), await pool('token2')];
    for (const each of [workers, others]) await append(await each.stream('a'), 1);
    const [claim, other] = [await workers.claim(), await others.claim()];
    for (const token of [other.token, `${claim.token}x`, target.key, 'x'])
      expectRefusal(await workers.work('ack', { ...claim, token }), 401, 'TOKEN_INVALID');
    expectRefusal(await workers.work('ack', { ...claim, generation: 2 }), 409, 'FENCED');
    expectRefusal(await workers.work('ack', { ...claim, wake_id: other.wake_id }), 409, 'FENCED');
    const headers = { authorization: `Bearer ${claim.token}` };
    expect((await ask('/v1/streams', { key: null, headers })).status).toBe(401);
    expect((await workers.work('release', claim)).status).toBe(204);
    expectRefusal(await workers.work('ack', claim), 409, 'FENCED');
  });

  test('P-281 the lease of a silent worker ends, and what is pending has a new wake', async () => {
    const workers = await pool('silent', { lease_ttl_ms: 1_000 });
    await append(await workers.stream('a'), 1);
    const silent = await workers.claim();
    await until(async () => {
      const events = await readAll(workers.wakes);
      return events.some(({ data }) => (data as { generation: number }).generation > silent.generation);
    }, 'a wake of another generation');
    expectRefusal(await workers.work('ack', silent), 409, 'FENCED');
  });

  test('P-285 a subscription that was deleted takes nothing any more, nor does the next one of its id', async () => {
    const workers = await pool('deleted');
    await append(await workers.stream('a'), 1);
    const claim = await workers.claim();
    for (let i = 0; i < 2; i++) expect((await control(workers.id, { method: 'DELETE' })).status).toBe(204);
    expectRefusal(await workers.work('ack', claim), 404, 'SUBSCRIPTION_NOT_FOUND');
    const again = await pool('deleted');
    await append(`${again.id}/a`, 2);
    await again.claim();
    expectRefusal(await again.work('ack', claim), 409, 'FENCED');
  });
});
