import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ADMIN_KEY, type AppFixture, startApp } from '../http/app.fixture.ts';
import type { HttpApp } from '../http/app.ts';

const FACES = ['/v1/streams/a/b', '/projects/x', '/v1/computers/x', '/chats/x'];

function mount(app: HttpApp): void {
  for (const path of FACES) {
    app.add({
      method: 'GET',
      path,
      access: 'authenticated',
      handle: (x) => ({ body: { who: x.principal?.keyId } }),
    });
  }
  app.add({
    method: 'POST',
    path: '/v1/run',
    access: { scope: 'projects:execute' },
    handle: () => ({ status: 202 }),
  });
  app.add({
    method: 'GET',
    path: '/v1/optional',
    access: 'optional',
    handle: (x) => ({ body: { tenant: x.principal?.tenant ?? null } }),
  });
}

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await startApp({ mount });
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

const code = (text: string): string => JSON.parse(text).error.code;

describe('keys over HTTP', () => {
  test('CM-22 no key and a wrong key are 401, in the shape of each face', async () => {
    await using fresh = await startApp({ mount });
    for (const key of [null, 'rdev_wrong']) {
      const own = await fresh.send('/v1/streams/a/b', { key });
      expect(own.json).toMatchObject({ code: 'unauthenticated', status: 401 });
      expect(own.headers['content-type']).toBe('application/problem+json');
      expect(own.headers['www-authenticate']).toMatch(/^Bearer/);
      expect((await fresh.send('/projects/x', { key })).json).toMatchObject({
        error: { code: 'UNAUTHORIZED', message: expect.any(String) },
        meta: { request_id: expect.any(String) },
      });
      expect((await fresh.send('/v1/computers/x', { key })).json).toMatchObject({ status: 'error' });
      expect((await fresh.send('/chats/x', { key })).json).toEqual({
        error: { code: 'UNAUTHORIZED', message: expect.any(String) },
      });
    }
  });

  test('CM-22 a key without the scope is 403, with it passes; admin has all', async () => {
    const reading = await fixture.makeKey({ scopes: ['projects:read'] });
    const running = await fixture.makeKey({ scopes: ['projects:execute'] });
    const refused = await fixture.send('/v1/run', { method: 'POST', key: reading.key });
    expect(refused.json).toMatchObject({ code: 'forbidden', status: 403 });
    expect(refused.json.detail).toContain('projects:execute');
    expect((await fixture.send('/v1/run', { method: 'POST', key: running.key })).status).toBe(202);
    expect((await fixture.send('/v1/run', { method: 'POST' })).status).toBe(202);
  });

  test('CM-21 an optional path opens without a key, but not with a wrong one', async () => {
    await using fresh = await startApp({ mount });
    expect((await fresh.send('/v1/optional', { key: null })).json).toEqual({ tenant: null });
    expect((await fresh.send('/v1/optional')).json).toEqual({ tenant: 'default' });
    expect((await fresh.send('/v1/optional', { key: 'rdev_wrong' })).status).toBe(401);
    expect((await fresh.send('/v1/optional', { key: '' })).status).toBe(401);
  });

  test('D-40 X-API-Key wins over a Bearer token of another protocol', async () => {
    const headers = { authorization: 'Bearer not-for-us' };
    expect((await fixture.send('/v1/optional', { headers })).json).toEqual({ tenant: 'default' });
  });

  test('a key in a query counts for nothing', async () => {
    for (const name of ['api_key', 'token', 'key', 'access_token']) {
      const answer = await fixture.send(`/projects/x?${name}=${ADMIN_KEY}`, { key: null });
      expect(answer.status, name).toBe(401);
    }
  });

  test('D-15 an expired key is 401, to the second', async () => {
    await using fresh = await startApp({ mount });
    const key = await fresh.makeKey({ scopes: ['projects:read'], expires_in: 60 });
    expect((await fresh.send('/projects/x', { key: key.key })).status).toBe(200);
    fresh.clock.advance(59_999);
    expect((await fresh.send('/projects/x', { key: key.key })).status).toBe(200);
    fresh.clock.advance(1);
    expect((await fresh.send('/projects/x', { key: key.key })).status).toBe(401);
  });

  test('D-15 a key is 403 from an address that it is not for', async () => {
    await using proxied = await startApp({ mount, trustedProxies: ['127.0.0.1'] });
    const key = await proxied.makeKey({
      scopes: ['projects:read'],
      allowed_ips: ['192.0.2.0/24', '2001:db8::/32'],
    });
    const from = async (address: string): Promise<number> =>
      (await proxied.send('/projects/x', { key: key.key, headers: { 'x-forwarded-for': address } })).status;
    expect(await from('192.0.2.200')).toBe(200);
    expect(await from('2001:db8::77')).toBe(200);
    expect(await from('::ffff:192.0.2.1')).toBe(200);
    expect(await from('192.0.3.1')).toBe(403);
    expect(await from('2001:db9::1')).toBe(403);
    expect(await from('rubbish')).toBe(403);
  });

  test('D-38 deletion takes effect at once, also for a key in use', async () => {
    const key = await fixture.makeKey({ scopes: ['projects:read'] });
    expect((await fixture.send('/projects/x', { key: key.key })).status).toBe(200);
    expect((await fixture.send(`/keys/${key.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await fixture.send('/projects/x', { key: key.key })).status).toBe(401);
    expect((await fixture.send(`/keys/${key.id}`, { method: 'DELETE' })).status).toBe(404);
  });

  test('D-24 after ten failures more get 429 and no retry, a valid key passes, and time heals', async () => {
    await using fresh = await startApp({ mount });
    const attempt = (key: string) => fresh.send('/projects/x', { key });
    for (let i = 0; i < 10; i++) expect((await attempt(`rdev_wrong${i}`)).status).toBe(401);
    const refused = await attempt('rdev_wrong_again');
    expect(refused.status).toBe(429);
    expect(refused.headers['x-should-retry']).toBe('false');
    expect((await attempt(ADMIN_KEY)).status).toBe(200);
    // No credential is no attempt.
    expect((await fresh.send('/projects/x', { key: null })).status).toBe(401);
    fresh.clock.advance(600_000);
    expect((await attempt('rdev_wrong_later')).status).toBe(401);
  });

  test('a key has its rate: counters in every answer, then 429 with Retry-After until it refills', async () => {
    await using limited = await startApp({ mount, rateLimit: 3 });
    const key = await limited.makeKey({ scopes: ['projects:read'] });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await limited.send('/projects/x', { key: key.key }));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
    expect(answers.map((answer) => answer.headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0', '0']);
    const last = answers.at(-1);
    expect(last?.headers['x-ratelimit-limit']).toBe('3');
    expect(Number(last?.headers['x-ratelimit-reset'])).toBe(limited.clock.now() / 1000 + 1);
    expect(last?.headers['retry-after']).toBe('1');
    expect(code(last?.text ?? '')).toBe('RATE_LIMITED');
    // The rate is the key's own.
    expect((await limited.send('/projects/x')).status).toBe(200);
    limited.clock.advance(334);
    expect((await limited.send('/projects/x', { key: key.key })).status).toBe(200);
  });
});

describe('/keys', () => {
  const make = (body: unknown, key: string = ADMIN_KEY) =>
    fixture.send('/keys', { method: 'POST', key, body: body as Record<string, unknown> });

  test('D-38 shows a key this once, and everything else always', async () => {
    const data = await fixture.makeKey({
      name: 'ci',
      scopes: ['streams:read'],
      user_id: 'u1',
      tenant: 'acme',
      expires_in: '12h',
      allowed_ips: ['127.0.0.1'],
    });
    expect(data).toMatchObject({ name: 'ci', scopes: ['streams:read'], tenant: 'acme', user_id: 'u1' });
    expect(data.key).toMatch(/^rdev_[0-9A-Za-z]{32}$/);
    expect(Date.parse(String(data['expires_at']))).toBe(fixture.clock.now() + 12 * 3_600_000);
    expect(data['warnings']).toBeUndefined();
    const list = await fixture.send('/keys?tenant=acme');
    expect(list.json.data).toHaveLength(1);
    expect(list.json.data[0]).toMatchObject({
      id: data.id,
      key_prefix: data.key.slice(0, 9),
      last_used_at: null,
    });
    expect(list.text).not.toContain(data.key);
    expect(list.text).not.toContain('hash');
    expect((await fixture.send('/keys')).text).not.toContain(data.id);
    expect((await fixture.send(`/keys/${data.id}`)).json.data.id).toBe(data.id);
  });

  test('D-19 warns of keys that execute', async () => {
    for (const scope of ['projects:execute', 'admin']) {
      const data = await fixture.makeKey({ scopes: [scope] });
      expect(data['warnings']).toEqual([expect.stringContaining('as powerful as an admin key')]);
    }
  });

  test('D-19 no other tenant has scopes that give the rights of the server', async () => {
    for (const scope of ['projects:execute', 'computers:cdp', 'admin']) {
      const answer = await make({ name: 'x', scopes: [scope], tenant: 'acme' });
      expect(answer.status, scope).toBe(403);
    }
  });

  test('D-15 nobody grants what they lack', async () => {
    const { key } = await fixture.makeKey({
      scopes: ['keys:write', 'streams:write'],
      user_id: 'u1',
      expires_in: '1d',
    });
    const granted = await make({ name: 'x', scopes: ['streams:read'] }, key);
    expect(granted.json.data).toMatchObject({ user_id: 'u1', tenant: 'default' });
    expect(Date.parse(granted.json.data.expires_at)).toBeLessThanOrEqual(fixture.clock.now() + 86_400_000);
    const refused = [
      { scopes: ['admin'] },
      { scopes: ['projects:read'] },
      { scopes: ['streams:read'], tenant: 'acme' },
      { scopes: ['streams:read'], user_id: 'u2' },
      { scopes: ['streams:read'], expires_in: '2d' },
    ];
    for (const body of refused) {
      const answer = await make({ name: 'x', ...body }, key);
      expect(answer.status, JSON.stringify(body)).toBe(403);
      expect(code(answer.text)).toBe('FORBIDDEN');
    }
  });

  test('D-15 a key bound to addresses makes keys for those alone', async () => {
    const { key } = await fixture.makeKey({
      scopes: ['keys:write'],
      allowed_ips: ['127.0.0.1', '10.0.0.0/8'],
    });
    expect((await make({ name: 'x', scopes: ['keys:read'] }, key)).json.data.allowed_ips).toHaveLength(2);
    const narrower = await make({ name: 'x', scopes: ['keys:read'], allowed_ips: ['127.0.0.1'] }, key);
    expect(narrower.json.data.allowed_ips).toEqual(['127.0.0.1']);
    expect((await make({ name: 'x', scopes: ['keys:read'], allowed_ips: ['0.0.0.0/0'] }, key)).status).toBe(
      403,
    );
  });

  test('D-15 a tenant and a user see their own keys alone', async () => {
    const ours = await fixture.makeKey({ scopes: ['keys:write', 'admin'] });
    const theirs = await fixture.makeKey({ scopes: ['keys:write'], tenant: 'theirs' });
    const user = await fixture.makeKey({ scopes: ['keys:write'], tenant: 'theirs', user_id: 'u1' });
    expect((await fixture.send('/keys', { key: theirs.key })).json.data).toHaveLength(2);
    expect((await fixture.send('/keys', { key: user.key })).json.data).toHaveLength(1);
    expect((await fixture.send('/keys?tenant=default', { key: theirs.key })).json.data).toEqual([]);
    for (const [seen, by] of [
      [ours, theirs],
      [theirs, user],
    ] as const) {
      for (const method of ['GET', 'DELETE']) {
        expect((await fixture.send(`/keys/${seen.id}`, { method, key: by.key })).status).toBe(404);
      }
    }
  });

  test('a key cannot remove one that may do more; nobody removes the admin key of a setting', async () => {
    const strong = await fixture.makeKey({ scopes: ['streams:write'] });
    const weak = await fixture.makeKey({ scopes: ['keys:write'] });
    expect((await fixture.send(`/keys/${strong.id}`, { method: 'DELETE', key: weak.key })).status).toBe(403);
    const given = await fixture.send('/keys/key_environment', { method: 'DELETE' });
    expect(given.status).toBe(409);
    expect(given.headers['x-should-retry']).toBe('false');
    expect((await fixture.send('/keys')).status).toBe(200);
  });

  test('D-38 refuses what makes no sense, and says what', async () => {
    const bodies = [
      {},
      { name: 'x' },
      { name: '', scopes: ['admin'] },
      { name: 'x', scopes: [] },
      { name: 'x', scopes: ['everything'] },
      { name: 'x', scopes: ['admin'], expires_in: 'soon' },
      { name: 'x', scopes: ['admin'], expires_in: 0 },
      { name: 'x', scopes: ['admin'], expires_in: '999999d' },
      { name: 'x', scopes: ['admin'], allowed_ips: ['10.0.0.0/33'] },
      { name: 'x', scopes: ['admin'], tenant: 'a/b' },
      { name: 'x', scopes: ['admin'], unknown: 1 },
    ];
    for (const body of bodies) {
      const answer = await make(body);
      expect(answer.status, JSON.stringify(body)).toBe(400);
      expect(answer.json.error.message).toMatch(/\S/);
    }
    const empty = await fixture.send('/keys', { method: 'POST' });
    expect(empty.status).toBe(400);
  });

  test('last use is kept to the minute, off the path of requests', async () => {
    const { id, key } = await fixture.makeKey({ scopes: ['projects:read'] });
    await fixture.send('/projects/x', { key });
    expect(fixture.keys.get(id)?.last_used_at).toBeNull();
    fixture.clock.advance(60_000);
    const now = fixture.clock.now();
    await vi.waitFor(() =>
      expect(fixture.keys.get(id)?.last_used_at).toBe(new Date(now - (now % 60_000)).toISOString()),
    );
  });
});

test('D-18 no key stands in any line of the log', async () => {
  await using fresh = await startApp({
    mount(app) {
      app.add({
        method: 'GET',
        path: '/v1/fails',
        access: 'authenticated',
        handle: ({ request }) => {
          throw new Error(`failed for ${JSON.stringify(request.headers)} ${request.rawHeaders.join(' ')}`);
        },
      });
    },
  });
  const { key } = await fresh.makeKey({ scopes: ['projects:read'] });
  expect((await fresh.send('/v1/fails', { key })).status).toBe(500);
  expect((await fresh.send('/v1/fails')).status).toBe(500);
  const headers = { authorization: `Bearer ${key}`, cookie: 'playhead_session=abcdef' };
  expect((await fresh.send('/v1/fails?ticket=tick-123', { key: null, headers })).status).toBe(500);
  const log = fresh.log.join('');
  expect(log).toContain('request failed');
  for (const secret of [key, ADMIN_KEY, 'abcdef', 'tick-123']) expect(log).not.toContain(secret);
});
