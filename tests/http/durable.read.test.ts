import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durable, freshName, makeDurable, nextOf } from '../support/durable.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';
import { startTerminal } from '../support/terminal.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_RETENTION_STREAM_BYTES: '2048' } });
});
afterAll(() => server.stop());

describe('catch-up', () => {
  test('P-217 a read that is longer than one answer goes on at the next offset', async () => {
    await using own = await startServer();
    const name = await makeDurable(own, { type: 'application/octet-stream' });
    const piece = Buffer.alloc(1024 * 1024, 7);
    for (let n = 0; n < 6; n++)
      await durable(own, 'POST', name, { type: 'application/octet-stream', body: piece });
    await durable(own, 'POST', name, { headers: { 'stream-closed': 'true' } });
    let size = 0;
    let answers = 0;
    for (let offset = '-1'; ; ) {
      const answer = await durable(own, 'GET', `${name}?offset=${offset}`);
      size += Number(answer.headers['content-length']);
      answers++;
      offset = nextOf(answer);
      const last = answer.headers['stream-closed'] === 'true';
      expect(answer.headers['stream-up-to-date']).toBe(last ? 'true' : undefined);
      if (last) break;
    }
    expect(size).toBe(6 * piece.length);
    expect(answers).toBeGreaterThan(1);
  });

  test('P-218 events of other types are told with their type and time, and none is left out', async () => {
    const name = freshName();
    await request(server, `/v1/streams/${name}`, { method: 'PUT' });
    const events = [
      { type: 'message', data: 'one' },
      { type: 'note', data: null },
      { type: 'message', data: { type: 'x' } },
    ];
    await request(server, `/v1/streams/${name}`, { method: 'POST', body: { events } });
    const answer = await durable(server, 'GET', name);
    expect(answer.json()).toEqual([
      'one',
      { type: 'note', time: expect.any(String), data: null },
      { type: 'x' },
    ]);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  test('P-219 events without bytes add nothing to a stream of bytes', async () => {
    const terminal = await startTerminal(server, 'stty cols 99; printf shown');
    const events = await terminal.ended();
    expect(events.map(({ type }) => type)).toContain('resize');
    const answer = await durable(server, 'GET', terminal.stream);
    expect(answer.text).toBe('shown');
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(nextOf(answer)).toBe(events.at(-1)?.position);
    expect(answer.headers['stream-closed']).toBe('true');
  });

  test('P-220 an offset that is no offset is 400, one that is not retained 410, and says where to go on', async () => {
    const name = await makeDurable(server, { body: '[0]' });
    const { headers } = await durable(server, 'HEAD', name);
    const first = String(headers['stream-next-offset']);
    for (const offset of ['', 'start', '0', 'x'.repeat(40), `${first}0`, first.toUpperCase()]) {
      const answer = await durable(server, 'GET', `${name}?offset=${encodeURIComponent(offset)}`);
      expectProblem(answer, 400, 'invalid-position');
    }
    expectProblem(await durable(server, 'GET', `${name}?offset=-1&offset=now`), 400, 'invalid-request');
    expectProblem(await durable(server, 'GET', `${name}?live=polling&offset=-1`), 400, 'invalid-request');
    for (let n = 0; n < 8; n++) await durable(server, 'POST', name, { body: `"${'x'.repeat(900)}"` });
    await until(
      async () => (await durable(server, 'GET', `${name}?offset=${first}`)).status === 410,
      'the first offset to be trimmed',
    );
    for (const live of ['', '&live=long-poll', '&live=sse']) {
      const answer = await durable(server, 'GET', `${name}?offset=${first}${live}`);
      const problem = expectProblem(answer, 410, 'position-lost');
      const rest = await durable(server, 'GET', `${name}?offset=${String(problem['resume'])}`);
      expect(rest.status).toBe(200);
    }
    expect((await durable(server, 'GET', name)).status).toBe(200);
  });

  test('P-220 the offset of a stream that was deleted is not that of its successor', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const old = nextOf(await durable(server, 'GET', name));
    await durable(server, 'DELETE', name);
    await durable(server, 'PUT', name, { body: '[2]' });
    expectProblem(await durable(server, 'GET', `${name}?offset=${old}`), 410, 'position-lost');
  });
});

describe('caching', () => {
  test('P-221 a reader that has it is told so, until something follows or never will', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const first = await durable(server, 'GET', name);
    const etag = String(first.headers['etag']);
    const known = (value: string, target = name) =>
      durable(server, 'GET', target, { headers: { 'if-none-match': value } });
    for (const value of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await known(value);
      expect([answer.status, answer.text, answer.headers['etag']]).toEqual([304, '', etag]);
      expect(nextOf(answer)).toBe(nextOf(first));
    }
    expect((await known('"x"')).status).toBe(200);
    await durable(server, 'POST', name, { body: '2' });
    const second = await known(etag);
    expect(second.status).toBe(200);
    await durable(server, 'POST', name, { headers: { 'stream-closed': 'true' } });
    expect((await known(String(second.headers['etag']))).status).toBe(200);
  });

  test('P-222 what a key opened is for its reader alone, and what may change is asked for again', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const piece = await durable(server, 'GET', name);
    expect(piece.headers['cache-control']).toBe('private, max-age=60, stale-while-revalidate=300');
    expect(piece.headers['vary']).toContain('X-API-Key');
    const end = await durable(server, 'GET', `${name}?offset=${nextOf(piece)}`);
    expect([end.text, end.headers['cache-control']]).toEqual(['[]', 'private, no-cache']);
    const now = await durable(server, 'GET', `${name}?offset=now`);
    expect([now.headers['cache-control'], now.headers['etag']]).toEqual(['no-store', undefined]);
    expect((await durable(server, 'HEAD', name)).headers['cache-control']).toBe('no-store');
    const missing = await durable(server, 'GET', freshName());
    expect(missing.headers['cache-control']).toBe('no-store');
    const short = await makeDurable(server, { body: '[1]', headers: { 'stream-ttl': '10' } });
    const kept = await durable(server, 'GET', short);
    expect(kept.headers['cache-control']).toBe('private, max-age=10, stale-while-revalidate=50');
  });

  test('P-222 an operator may let caches share', async () => {
    await using own = await startServer({ env: { PLAYHEAD_STREAM_CACHE: 'public' } });
    const name = await makeDurable(own, { body: '[1]' });
    const { headers } = await durable(own, 'GET', name);
    expect(headers['cache-control']).toBe('public, max-age=60, stale-while-revalidate=300');
    expect(headers['vary']).toBeUndefined();
  });

  test('P-223 stored content runs nowhere', async () => {
    const name = await makeDurable(server, { type: 'text/html', body: '<script>alert(1)</script>' });
    const { headers } = await durable(server, 'GET', name);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
      'cross-origin-resource-policy': 'cross-origin',
    });
  });
});

test('P-231 HEAD tells how a stream was made, and is no use of it', async () => {
  const name = await makeDurable(server, { type: 'text/plain', body: 'x', headers: { 'stream-ttl': '60' } });
  const answer = await durable(server, 'HEAD', name);
  expect([answer.status, answer.text]).toEqual([200, '']);
  expect(answer.headers).toMatchObject({ 'content-type': 'text/plain', 'stream-ttl': '60' });
  expect(nextOf(answer)).toBe((await readPage(server, name)).latest);
  expect(answer.headers['stream-closed']).toBeUndefined();
});

test('P-232 what was deleted is gone, once', async () => {
  const name = await makeDurable(server);
  expect((await durable(server, 'DELETE', name)).status).toBe(204);
  for (const method of ['GET', 'DELETE']) {
    expectProblem(await durable(server, method, name), 404, 'stream-not-found');
  }
  expect((await durable(server, 'PUT', name)).status).toBe(201);
});

test('P-203 a ticket reads its stream here, too, and nothing else', async () => {
  const name = await makeDurable(server, { body: '[1]' });
  const other = await makeDurable(server);
  const asked = await request(server, '/v1/tickets', { method: 'POST', body: { stream: name } });
  const { ticket } = asked.json<{ ticket: string }>();
  const shown = (method: string, target: string) =>
    durable(server, method, `${target}?ticket=${ticket}`, { key: null });
  expect((await shown('GET', name)).text).toBe('[1]');
  expect((await shown('HEAD', name)).status).toBe(200);
  expect((await shown('GET', other)).status).toBe(403);
  expect((await shown('DELETE', name)).status).toBe(403);
});
