import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start } from '../support/commands.ts';
import { durable, freshName, makeDurable, nextOf } from '../support/durable.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const bytes = { type: 'application/octet-stream' };

describe('names and access', () => {
  test('P-200 a stream is the same under every face', async () => {
    const name = await makeDurable(server, { body: '[{"a":1}]' });
    await request(server, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: 2 } });
    const page = await readPage(server, name, '?after=start');
    expect(page.events.map(({ type, data }) => [type, data])).toEqual([
      ['message', { a: 1 }],
      ['note', 2],
    ]);
    expect(nextOf(await durable(server, 'HEAD', name))).toBe(page.latest);
  });

  test('P-201 bytes that a name cannot have are escaped, and both spellings are one stream', async () => {
    const odd = `durable/${process.pid}%20%c3%BC:%3f`;
    expect((await durable(server, 'PUT', odd, bytes)).status).toBe(201);
    const name = `durable/${process.pid}~20~c3~bc~3a~3f`;
    expect((await durable(server, 'PUT', name, bytes)).status).toBe(200);
    expect((await readPage(server, name)).stream).toBe(name);
    expect((await durable(server, 'PUT', `one-segment-${process.pid}`)).status).toBe(201);
  });

  test('P-201 a path that names no stream is refused', async () => {
    const long = `durable/${'x'.repeat(300)}`;
    expectProblem(await durable(server, 'PUT', long), 400, 'invalid-request');
    expectProblem(await durable(server, 'GET', long), 404, 'stream-not-found');
    for (const path of ['durable//x', 'durable/../x', 'durable/%2e%2e', 'durable/a%2fb', 'durable/a%00']) {
      expect((await durable(server, 'PUT', path)).status).toBe(400);
    }
    expect((await durable(server, 'PUT', '__ds/x')).status).toBeGreaterThanOrEqual(400);
    expect((await durable(server, 'GET', '__ds/x')).status).toBe(404);
  });

  test('P-203 a key is needed, with the scope, and its tenant is all that it reaches', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
      expectProblem(await durable(server, method, name, { key: null }), 401, 'unauthenticated');
    }
    expect((await durable(server, 'HEAD', name, { key: null })).status).toBe(401);
    const reader = await makeKey(server, { scopes: ['streams:read'] });
    const nobody = await makeKey(server, { scopes: ['projects:read'] });
    expect((await durable(server, 'GET', name, { key: reader })).status).toBe(200);
    expectProblem(await durable(server, 'POST', name, { key: reader, body: '1' }), 403, 'forbidden');
    expectProblem(await durable(server, 'GET', name, { key: nobody }), 403, 'forbidden');
    const other = await makeKey(server, { scopes: ['streams:read', 'streams:write'], tenant: 'other' });
    for (const method of ['GET', 'DELETE']) {
      expectProblem(await durable(server, method, name, { key: other }), 404, 'stream-not-found');
    }
    expectProblem(await durable(server, 'POST', name, { key: other, body: '1' }), 404, 'stream-not-found');
    const forked = { key: other, headers: { 'stream-forked-from': `/v1/stream/${name}` } };
    expectProblem(await durable(server, 'PUT', freshName(), forked), 404, 'stream-not-found');
    const bearer = { key: null, headers: { authorization: `Bearer ${reader}` } };
    expect((await durable(server, 'GET', name, bearer)).status).toBe(200);
  });

  test('P-204 streams of producers can be read and not be written', async () => {
    const id = await start(server, 'echo hello');
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const body = method === 'DELETE' ? {} : { body: '1' };
      const answer = await durable(server, method, `commands/${id}`, body);
      expectProblem(answer, 405, 'method-not-allowed');
      expect(answer.headers['allow']).toBe('GET, HEAD, OPTIONS');
    }
    expect((await durable(server, 'GET', `commands/${id}`)).status).toBe(200);
    expect((await durable(server, 'PUT', 'computers')).status).toBe(405);
  });

  test('P-205 pages of other origins see the headers of the protocol', async () => {
    const name = await makeDurable(server);
    const answer = await durable(server, 'GET', name, { headers: { origin: 'https://example.org' } });
    const exposed = String(answer.headers['access-control-expose-headers']);
    for (const header of ['Stream-Next-Offset', 'Stream-Closed', 'Stream-Cursor', 'ETag'])
      expect(exposed).toContain(header);
  });
});

describe('create', () => {
  test('P-206 tells where the stream is, as its caller reached it', async () => {
    const name = freshName();
    const answer = await durable(server, 'PUT', `${name}?x=1`, {
      headers: { host: `localhost:${server.port}` },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['location']).toBe(`http://localhost:${server.port}/v1/stream/${name}`);
    const foreign = await durable(server, 'PUT', freshName(), { headers: { host: 'evil.example' } });
    expectProblem(foreign, 421, 'misdirected-host');
  });

  test('P-206 made again in the same way it is found, in another way it is refused', async () => {
    const name = await makeDurable(server, {
      type: 'Text/Plain; charset=utf-8',
      headers: { 'stream-ttl': '60' },
    });
    const again = (type: string, headers: Record<string, string>) =>
      durable(server, 'PUT', name, { type, headers });
    expect((await again('text/plain', { 'stream-ttl': '60' })).status).toBe(200);
    for (const [type, headers] of [
      ['text/html', { 'stream-ttl': '60' }],
      ['text/plain', { 'stream-ttl': '61' }],
      ['text/plain', {}],
      ['text/plain', { 'stream-ttl': '60', 'stream-closed': 'true' }],
    ] as const) {
      expectProblem(await again(type, headers), 409, 'conflict');
    }
  });

  test.each(['x', 'text', 'text/', '/plain', 'text/plain\u00e9', `text/${'x'.repeat(200)}`])(
    'P-206 a content type that is none is refused: %s',
    async (type) => {
      expectProblem(await durable(server, 'PUT', freshName(), { type }), 400, 'invalid-request');
    },
  );

  test('P-208 a lifetime has one spelling', async () => {
    for (const ttl of ['01', '+1', '1.0', '1e3', '-1', '', '99999999999999999999']) {
      const answer = await durable(server, 'PUT', freshName(), { headers: { 'stream-ttl': ttl } });
      expectProblem(answer, 400, 'invalid-request');
    }
    for (const time of ['tomorrow', '2030-01-01', '2030-13-01T00:00:00Z', '1893456000000']) {
      const answer = await durable(server, 'PUT', freshName(), { headers: { 'stream-expires-at': time } });
      expectProblem(answer, 400, 'invalid-request');
    }
    const name = await makeDurable(server, { headers: { 'stream-expires-at': '2999-01-01T01:00:00+01:00' } });
    const { headers } = await durable(server, 'HEAD', name);
    expect(headers['stream-expires-at']).toBe('2999-01-01T00:00:00.000Z');
  });
});

describe('append', () => {
  test('P-211 JSON keeps the text that was sent, number by number', async () => {
    const name = await makeDurable(server);
    const texts = ['1.0', '12345678901234567890', '"\\u00e9\\ud800"', '{"b":1, "a":[ 1 ]}', '-0', '1E400'];
    await durable(server, 'POST', name, { body: `[ ${texts.join(' ,\n')} ]` });
    await durable(server, 'POST', name, { body: '{\n  "pretty": "yes"\n}\n' });
    await durable(server, 'POST', name, { body: '[["]",{"[":","}]]' });
    const { text } = await durable(server, 'GET', name);
    expect(text).toBe(`[${texts.join(',')},{   "pretty": "yes" },["]",{"[":","}]]`);
  });

  test('P-211 a body that is no JSON, no UTF-8, or too many values adds nothing', async () => {
    const name = await makeDurable(server);
    for (const body of ['{"a":', '[1,]', 'NaN', Buffer.from([34, 255, 34]), '\ufeff1']) {
      expectProblem(await durable(server, 'POST', name, { body }), 400, 'invalid-json');
    }
    expectProblem(await durable(server, 'POST', name, { body: '[ ]' }), 400, 'invalid-request');
    const many = `[${'1,'.repeat(10_000)}1]`;
    expectProblem(await durable(server, 'POST', name, { body: many }), 413, 'too-large');
    expect((await durable(server, 'GET', name)).text).toBe('[]');
    expect((await durable(server, 'POST', name, { body: `[${'1,'.repeat(9_999)}1]` })).status).toBe(204);
    expect((await readPage(server, name)).events).toHaveLength(1000);
  });

  test('P-210 a body beyond the limit is refused', async () => {
    const name = await makeDurable(server, bytes);
    const body = Buffer.alloc(1024 * 1024 + 1);
    expectProblem(await durable(server, 'POST', name, { ...bytes, body }), 413, 'too-large');
  });

  test('P-211 values nested without end are taken as text', async () => {
    const name = await makeDurable(server);
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect((await durable(server, 'POST', name, { body: deep })).status).toBe(204);
    expect((await durable(server, 'GET', name)).text).toBe(deep);
  });

  test('P-211 bytes are one event, and every other type of content is bytes', async () => {
    const name = await makeDurable(server, { type: 'text/plain' });
    const body = Buffer.from([0, 255, 10, 13]);
    await durable(server, 'POST', name, { type: 'text/plain', body });
    expect((await readPage(server, name, '?after=start')).events).toMatchObject([
      { type: 'message', data: body.toString('base64'), encoding: 'base64' },
    ]);
  });

  test('P-214 of several reasons the first counts: closed, type, sequence, order', async () => {
    const name = await makeDurable(server);
    const producer = (epoch: number, seq: number) => ({
      ...{ 'producer-id': 'p', 'producer-epoch': String(epoch), 'producer-seq': String(seq) },
    });
    await durable(server, 'POST', name, { body: '1', headers: { ...producer(1, 0), 'stream-seq': 'b' } });
    const wrong = { ...producer(1, 2), 'stream-seq': 'a' };
    const typed = await durable(server, 'POST', name, { type: 'text/plain', body: '2', headers: wrong });
    expect(expectProblem(typed, 409, 'conflict')['detail']).toContain('content type');
    const gap = await durable(server, 'POST', name, { body: '2', headers: wrong });
    expect(gap.headers['producer-expected-seq']).toBe('1');
    const late = { ...producer(1, 1), 'stream-seq': 'b' };
    const order = await durable(server, 'POST', name, { body: '2', headers: late });
    expect(expectProblem(order, 409, 'conflict')['detail']).toContain('Stream-Seq');
    await durable(server, 'POST', name, { headers: { 'stream-closed': 'true' } });
    const closed = await durable(server, 'POST', name, { type: 'text/plain', body: '2', headers: wrong });
    expectProblem(closed, 409, 'stream-closed');
    expect(closed.headers['stream-closed']).toBe('true');
    const stale = await durable(server, 'POST', name, { body: '2', headers: producer(0, 0) });
    expectProblem(stale, 403, 'fenced');
    expect(stale.headers['producer-epoch']).toBe('1');
  });

  test('P-215 what a producer has written is known after a restart', async () => {
    await using own = await startServer();
    const name = await makeDurable(own);
    const send = (seq: number, headers: Record<string, string> = {}) =>
      durable(own, 'POST', name, {
        body: String(seq),
        headers: { 'producer-id': 'p', 'producer-epoch': '3', 'producer-seq': String(seq), ...headers },
      });
    const first = await send(0, { 'stream-seq': 'a' });
    expect(first.status).toBe(200);
    await send(1, { 'stream-seq': 'b' });
    await own.kill('SIGKILL');
    await own.restart();
    const again = await send(0);
    expect([again.status, again.headers['producer-seq']]).toEqual([204, '1']);
    expect(nextOf(again)).toBe(nextOf(first));
    expect((await send(2, { 'stream-seq': 'b' })).status).toBe(409);
    const last = await send(2, { 'stream-seq': 'c', 'stream-closed': 'true' });
    expect([last.status, last.headers['stream-closed']]).toEqual([200, 'true']);
    const repeated = await send(2, { 'stream-closed': 'true' });
    expect([repeated.status, repeated.headers['stream-closed']]).toEqual([204, 'true']);
    expect((await durable(own, 'GET', name)).text).toBe('[0,1,2]');
  });

  test('P-215 half a producer is refused', async () => {
    const name = await makeDurable(server);
    const all = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0' };
    for (const [header, value] of [
      ['producer-id', ''],
      ['producer-id', 'x'.repeat(257)],
      ['producer-epoch', '-1'],
      ['producer-seq', '9007199254740992'],
      ['producer-seq', '1 '.repeat(2)],
    ] as const) {
      const answer = await durable(server, 'POST', name, { body: '1', headers: { ...all, [header]: value } });
      expectProblem(answer, 400, 'invalid-request');
    }
  });
});
