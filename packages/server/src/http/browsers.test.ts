import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Principal } from '../access/principal.ts';
import { type AppFixture, startApp } from './app.fixture.ts';
import type { HttpApp } from './app.ts';

const SIGNED_IN: Principal = {
  keyId: 'session_1',
  tenant: 'default',
  userId: null,
  scopes: new Set(['admin']),
};

function mount(app: HttpApp): void {
  const handle = () => ({ body: { ok: true } });
  app.add({ method: 'GET', path: '/projects/x', access: 'authenticated', handle });
  app.add({ method: 'POST', path: '/projects/x', access: 'authenticated', handle });
}

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await startApp({ mount, verifyCookie: (text) => (text === 'good' ? SIGNED_IN : undefined) });
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

describe('Host', () => {
  test.each(['localhost', 'localhost:1', 'LOCALHOST', 'localhost.', '127.0.0.1:8080', '[::1]:9'])(
    'D-20 %s is loopback and passes',
    async (host) => {
      expect((await fixture.send('/projects/x', { headers: { host } })).status).toBe(200);
    },
  );

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'x@localhost',
    '0.0.0.0',
    '[::]',
  ])('D-20 %s is 421 in the shape of the path', async (host) => {
    const answer = await fixture.send('/projects/x', { headers: { host } });
    expect(answer.status).toBe(421);
    expect(answer.json.error.code).toBe('MISDIRECTED_REQUEST');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('D-20 listed names pass, with their port if it is listed, and so does that of the public URL', async () => {
    await using listed = await startApp({
      mount,
      allowedHosts: ['Any.example', 'one.example:8443'],
      publicUrl: 'https://public.example/base',
    });
    const status = async (host: string) => (await listed.send('/projects/x', { headers: { host } })).status;
    expect(await status('any.example:1234')).toBe(200);
    expect(await status('one.example:8443')).toBe(200);
    expect(await status('one.example')).toBe(421);
    expect(await status('public.example')).toBe(200);
    expect(await status('public.example:81')).toBe(421);
  });

  test('D-20 a request without Host is refused', async () => {
    expect(await fixture.raw('GET /projects/x HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await fixture.raw('GET /projects/x HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 421 /);
  });
});

describe('CORS', () => {
  const origin = 'https://app.example';

  test('D-37 any origin reads answers and errors, and never with credentials', async () => {
    for (const how of [{}, { key: null }]) {
      const { headers } = await fixture.send('/projects/x', { ...how, headers: { origin } });
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers['access-control-expose-headers']).toContain('X-Request-Id');
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
    expect((await fixture.send('/projects/x')).headers['access-control-allow-origin']).toBeUndefined();
  });

  test('D-37 a preflight needs no key, and names methods and headers', async () => {
    const answer = await fixture.send('/projects/x', {
      method: 'OPTIONS',
      key: null,
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-stainless-lang',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-methods']).toBe('GET, POST, HEAD, OPTIONS');
    const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase();
    for (const name of ['authorization', 'x-api-key', 'content-type', 'last-event-id', 'x-stainless-lang']) {
      expect(allowed).toContain(name);
    }
    expect(answer.headers['access-control-max-age']).toBe('600');
  });

  test('D-37 a list narrows it, and says that answers vary', async () => {
    await using listed = await startApp({ mount, allowedOrigins: [origin] });
    const own = await listed.send('/projects/x', { headers: { origin } });
    expect(own.headers['access-control-allow-origin']).toBe(origin);
    expect(own.headers.vary).toBe('Origin');
    const foreign = await listed.send('/projects/x', { headers: { origin: 'https://evil.example' } });
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    expect(foreign.headers.vary).toBe('Origin');
    const preflight = await listed.send('/projects/x', {
      method: 'OPTIONS',
      key: null,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers['access-control-allow-methods']).toBeUndefined();
  });
});

describe('cookies', () => {
  const cookie = 'other=1; playhead_session=good';
  const same = (): string => `http://127.0.0.1:${fixture.port}`;
  const send = (headers: Record<string, string>, method = 'GET') =>
    fixture.send('/projects/x', { method, key: null, headers: { cookie, ...headers } });

  test('D-20 count from the same origin alone, port included', async () => {
    expect((await send({ origin: same() })).status).toBe(200);
    expect((await send({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: `http://127.0.0.1:${fixture.port + 1}` },
      { origin: `https://127.0.0.1:${fixture.port}` },
      { origin: 'null' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      {},
    ];
    for (const headers of foreign) expect((await send(headers)).status, JSON.stringify(headers)).toBe(401);
  });

  test('D-20 do not make a request unsafe without a JSON content type', async () => {
    expect((await send({ origin: same(), 'content-type': 'application/json' }, 'POST')).status).toBe(200);
    expect((await send({ origin: same(), 'content-type': 'text/plain' }, 'POST')).status).toBe(415);
    expect((await send({ origin: same() }, 'POST')).status).toBe(415);
    // Requests with a key may have no body at all.
    expect((await fixture.send('/projects/x', { method: 'POST', headers: { cookie } })).status).toBe(200);
  });

  test('that stand for nobody are no failed attempt', async () => {
    for (let i = 0; i < 12; i++) {
      const answer = await send({ origin: same(), cookie: 'playhead_session=old' });
      expect(answer.status).toBe(401);
    }
  });
});
