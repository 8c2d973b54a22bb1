import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { PlayheadError } from '@playhead/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ADMIN_KEY, type AppFixture, startApp } from './app.fixture.ts';
import type { HttpApp } from './app.ts';

function mount(app: HttpApp): void {
  app.add({
    method: 'GET',
    path: '/v1/things/:id',
    access: 'public',
    handle: (x) => ({ body: { id: x.params['id'] } }),
  });
  app.add({
    method: 'POST',
    path: '/v1/things/:id',
    access: 'public',
    handle: async (x) => ({ body: await x.json() }),
  });
  app.add({
    method: 'POST',
    path: '/v1/bytes',
    access: 'public',
    bodyLimit: 200_000,
    handle: async (x) => ({ body: { length: (await x.body()).length } }),
  });
  app.add({
    method: 'GET',
    path: '/v1/streams/*',
    access: 'public',
    handle: (x) => ({ body: x.params['*'] }),
  });
  app.add({
    method: 'GET',
    path: '/v1/query',
    access: 'public',
    handle: (x) => ({ body: { q: x.query.toString() } }),
  });
  app.add({
    method: 'GET',
    path: '/v1/written',
    access: 'public',
    handle: ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end('by hand');
      return undefined;
    },
  });
  app.add({
    method: 'GET',
    path: '/v1/broken',
    access: 'public',
    handle: () => {
      throw new Error('the password is hunter2');
    },
  });
  app.add({
    method: 'GET',
    path: '/projects/broken',
    access: 'public',
    handle: async () => {
      throw new TypeError('secret detail');
    },
  });
  app.add({
    method: 'GET',
    path: '/v1/half',
    access: 'public',
    handle: async ({ response }) => {
      response.write('half');
      throw new PlayheadError('internal', 'too late');
    },
  });
  app.add({ method: 'GET', path: '/v1/unwritable', access: 'public', handle: () => ({ body: 1n }) });
  app.add({ method: 'GET', path: '/v1/empty', access: 'public', handle: () => ({ status: 204 }) });
  app.add({
    method: 'GET',
    path: '/v1/address',
    access: 'public',
    handle: (x) => ({ body: { address: x.address } }),
  });
}

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await startApp({ mount });
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

describe('answers', () => {
  test('carry a request id, nosniff and their length', async () => {
    const answer = await fixture.send('/v1/things/a%20b');
    expect(answer).toMatchObject({ status: 200, json: { id: 'a b' } });
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-z]{20}$/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['content-length']).toBe(String(answer.text.length));
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('written by a handler itself carry the same headers', async () => {
    const answer = await fixture.send('/v1/written');
    expect(answer.text).toBe('by hand');
    expect(answer.headers['x-request-id']).toMatch(/^req_/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  test('to HEAD are those to GET without a body', async () => {
    const answer = await fixture.send('/v1/things/x', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('');
    expect(answer.headers['content-length']).toBe('10');
  });

  test('of 204 have neither body nor length', async () => {
    const answer = await fixture.send('/v1/empty');
    expect(answer.status).toBe(204);
    expect(answer.headers['content-length']).toBeUndefined();
  });

  test('never show two requests the same id', async () => {
    const ids = new Set<unknown>();
    for (let i = 0; i < 50; i++) ids.add((await fixture.send('/v1/empty')).headers['x-request-id']);
    expect(ids.size).toBe(50);
  });

  test('keep the connection for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve, reject) => {
        const request = httpRequest(
          { port: fixture.port, host: '127.0.0.1', path: '/v1/empty', agent },
          (response) => {
            ports.add(response.socket.localPort);
            response.resume().on('end', resolve);
          },
        );
        request.on('error', reject).end();
      });
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });
});

describe('errors', () => {
  test.each([
    ['/nowhere', 'application/problem+json'],
    ['/v1/nowhere', 'application/problem+json'],
    ['/projectsx', 'application/problem+json'],
  ])('D-25 %s is a problem document', async (path, type) => {
    const answer = await fixture.send(path);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.json).toMatchObject({
      type: 'urn:playhead:error:not-found',
      code: 'not-found',
      status: 404,
      request_id: answer.headers['x-request-id'],
    });
  });

  test.each(['/projects/x/y/z', '/keys/a/b'])('D-25 %s is enveloped', async (path) => {
    const answer = await fixture.send(path);
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({
      error: { code: 'NOT_FOUND', message: expect.any(String) },
      meta: { request_id: answer.headers['x-request-id'], timestamp: expect.stringMatching(/Z$/) },
    });
  });

  test.each(['/computers/x', '/v1/computers/x'])('D-25 %s is flat', async (path) => {
    const answer = await fixture.send(path);
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({
      status: 'error',
      error_message: expect.any(String),
      timestamp: expect.any(String),
      request_id: expect.stringMatching(/^req_/),
    });
  });

  test.each(['/chats/x', '/api/v1/x'])('D-25 %s has an error member alone', async (path) => {
    const answer = await fixture.send(path);
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual({ error: { code: 'NOT_FOUND', message: expect.any(String) } });
  });

  test('another method is 405 with Allow, and not to be retried', async () => {
    const answer = await fixture.send('/v1/things/x', { method: 'DELETE' });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, POST, HEAD, OPTIONS');
    const unknown = await fixture.send('/v1/things/x', { method: 'PROPFIND' });
    expect(unknown.status).toBe(405);
  });

  test('of a handler are `internal`: nothing of them is shown, all is in the log, by request id', async () => {
    const answer = await fixture.send('/v1/broken');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('hunter2');
    const line = fixture.log.find((each) => each.includes(String(answer.headers['x-request-id'])));
    expect(line).toContain('hunter2');
    const enveloped = await fixture.send('/projects/broken');
    expect(enveloped.json.error.code).toBe('INTERNAL_ERROR');
    expect(enveloped.text).not.toContain('secret detail');
    expect((await fixture.send('/v1/unwritable')).status).toBe(500);
  });

  test('after an answer has begun break it off, so that nobody takes it for whole', async () => {
    await expect(fixture.send('/v1/half')).rejects.toThrow();
  });
});

describe('bodies', () => {
  const post = (body: string | Uint8Array, type = 'application/json') =>
    fixture.send('/v1/things/x', { method: 'POST', body, headers: { 'content-type': type } });

  test('are read as JSON', async () => {
    expect((await post('{"a":[1,"ä"]}')).json).toEqual({ a: [1, 'ä'] });
    expect((await post('{"a":1}', 'application/vnd.x+json; charset=utf-8')).status).toBe(200);
  });

  test('that are no JSON are 400, whatever is wrong with them', async () => {
    for (const body of ['{', 'nope', '{"a":1}}', '\u0000', Uint8Array.of(0x22, 0xff, 0x22)]) {
      expect((await post(body)).json.code, String(body)).toBe('invalid-json');
    }
  });

  test('of another type are 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      expect((await post('{}', type)).status).toBe(415);
    }
  });

  test('over the limit are 413, declared or not, and the limit itself passes', async () => {
    const fits = JSON.stringify('x'.repeat(1022));
    expect((await post(fits)).status).toBe(200);
    const declared = await post(`${fits} `);
    expect(declared.status).toBe(413);
    expect(declared.json.limit).toBe(1024);
    const chunked = await fixture.raw(
      'POST /v1/things/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        `Transfer-Encoding: chunked\r\n\r\n401\r\n${'x'.repeat(1025)}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('much over the limit still get their answer, also when the client writes on without reading', async () => {
    const answer = await fixture.send('/v1/bytes', { method: 'POST', body: Buffer.alloc(8 * 1024 * 1024) });
    expect(answer.status).toBe(413);
    expect(answer.headers.connection).toBe('close');
  });

  test('as long as declared are read whole, and what follows is the next request', async () => {
    const answer = await fixture.raw(
      'POST /v1/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc' +
        'GET /v1/query?after=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toContain('{"length":3}');
    expect(answer).toContain('{"q":"after=1"}');
  });

  test('with two lengths, or a length and chunks, are refused', async () => {
    const both = await fixture.raw(
      'POST /v1/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(both).toMatch(/^HTTP\/1\.1 400 /);
    const two = await fixture.raw(
      'POST /v1/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    );
    expect(two).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('that end early cost nothing but their own connection', async () => {
    const socket = connect(fixture.port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.write('POST /v1/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\n\r\nabc', () =>
        resolve(),
      );
    });
    socket.destroy();
    expect((await fixture.send('/v1/empty')).status).toBe(204);
  });

  test('that come too slowly end in 408, and so do heads', async () => {
    await using slow = await startApp({ mount, headTimeoutMs: 100, bodyTimeoutMs: 150 });
    expect(
      await slow.raw('POST /v1/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc'),
    ).toMatch(/^HTTP\/1\.1 408 /);
    expect(await slow.raw('GET /v1/empty HTT')).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('paths', () => {
  test.each([
    '/v1/streams/a%2Fb',
    '/v1/streams/a%2fb',
    '/v1/streams/a%5cb',
    '/v1/streams/../keys',
    '/v1/streams/%2e%2e/keys',
    '/v1/streams/.%2E/keys',
    '/v1/streams/./a',
    '/v1//streams/a',
    '//v1/streams/a',
    '/v1/streams/a%00',
    '/v1/streams/a%0d%0aX:%20y',
    '/v1/streams/%',
    '/v1/streams/%zz',
    '/v1/streams/%c3',
    `/v1/streams/${'a'.repeat(3000)}`,
    '/v1/streams/a\\b',
  ])('%s means nothing', async (path) => {
    const answer = await fixture.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toMatch(/^X: y/m);
  });

  test('are decoded once', async () => {
    expect((await fixture.send('/v1/streams/a%252fb')).text).toBe('a%2fb');
    expect((await fixture.send('/v1/streams/a%20b/c')).text).toBe('a b/c');
  });

  test('of other spellings are other paths', async () => {
    expect((await fixture.send('/V1/things/x')).status).toBe(404);
    expect((await fixture.send('/v1/things/x/')).status).toBe(404);
    expect((await fixture.send('/KEYS', { key: null })).status).toBe(404);
  });

  test('with a key in another spelling are guarded like the plain one', async () => {
    expect((await fixture.send('/keys', { key: null })).status).toBe(401);
    expect((await fixture.send('/%6beys', { key: null })).status).toBe(401);
    expect((await fixture.send('/k%65ys/x', { key: null })).status).toBe(401);
  });

  test('must be paths: no other request targets', async () => {
    const answer = await fixture.raw(
      'GET http://localhost/v1/empty HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('D-23 credentials are not in the query that handlers see', async () => {
    expect((await fixture.send('/v1/query?a=1&token=x&b=2')).json).toEqual({ q: 'a=1&b=2' });
  });

  test('heads that are too long are 431', async () => {
    expect(
      await fixture.raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('addresses', () => {
  test('D-24 a forwarded one counts from trusted proxies alone', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
    expect((await fixture.send('/v1/address', { headers })).json).toEqual({ address: '127.0.0.1' });
    await using trusting = await startApp({ mount, trustedProxies: ['127.0.0.0/8'] });
    expect((await trusting.send('/v1/address', { headers })).json).toEqual({ address: '198.51.100.7' });
  });
});

describe('health', () => {
  test('answers anybody under any name', async () => {
    for (const path of ['/health', '/health/live', '/health/ready', '/ready']) {
      const answer = await fixture.send(path, { key: null, headers: { host: 'whatever.example' } });
      expect(answer.status, path).toBe(200);
    }
  });
});

describe('draining', () => {
  test('answers new requests with 503 and Retry-After, closes idle connections, lets others finish', async () => {
    let finish: (() => void) | undefined;
    await using draining = await startApp({
      mount(app) {
        app.add({
          method: 'GET',
          path: '/v1/long',
          access: 'public',
          handle: () => new Promise((resolve) => (finish = () => resolve({ body: { done: true } }))),
        });
      },
    });
    const idle = connect(draining.port, '127.0.0.1');
    // Its end may come as a reset.
    idle.on('error', () => undefined);
    const answered = new Promise((resolve) => idle.once('data', resolve));
    idle.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await answered;
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const long = draining.send('/v1/long');
    await vi.waitFor(() => expect(finish).toBeDefined());

    const drained = draining.app.drain();
    await idleClosed;
    const refused = await draining.send('/keys');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json.error.code).toBe('SERVICE_UNAVAILABLE');
    expect((await draining.send('/health/live')).status).toBe(200);
    expect((await draining.send('/health/ready')).status).toBe(503);

    finish?.();
    const answer = await long;
    expect(answer.json).toEqual({ done: true });
    expect(answer.headers.connection).toBe('close');
    await drained;
    await draining.app.close();
    await expect(draining.send('/health')).rejects.toThrow(/ECONNREFUSED/);
  });
});

test('a port that is taken is an error of listen', async () => {
  await using other = await startApp();
  await expect(other.app.listen({ host: '127.0.0.1', port: fixture.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test('CM-25 the admin key passes as X-API-Key and as Bearer', async () => {
  expect((await fixture.send('/keys')).status).toBe(200);
  for (const scheme of ['Bearer', 'bearer']) {
    const headers = { authorization: `${scheme} ${ADMIN_KEY}` };
    expect((await fixture.send('/keys', { key: null, headers })).status).toBe(200);
  }
});

test('P-92 what a key has under way ends when its time is over, and nothing of other keys', async () => {
  const begun: string[] = [];
  await using own = await startApp({
    mount(app) {
      app.add({
        method: 'GET',
        path: '/v1/endless',
        access: 'authenticated',
        handle({ principal, response }) {
          begun.push(principal?.keyId ?? '');
          response.writeHead(200).write('on');
          return undefined;
        },
      });
    },
  });
  const short = await own.makeKey({ scopes: ['streams:read'], expires_in: '1h' });
  const long = await own.makeKey({ scopes: ['streams:read'], expires_in: '2h' });
  let cut = 0;
  const ends = [short, long].map(({ key }) => own.send('/v1/endless', { key }).catch(() => ++cut));
  await vi.waitFor(() => expect(begun.toSorted()).toEqual([short.id, long.id].toSorted()));
  own.clock.advance(90 * 60_000);
  await ends[0];
  expect(cut).toBe(1);
  own.clock.advance(60 * 60_000);
  await ends[1];
  expect(cut).toBe(2);
});
