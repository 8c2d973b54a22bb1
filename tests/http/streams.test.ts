import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAll, runToEnd, start } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, type Page, readPage } from '../support/streams.ts';

let server: TestServer;
/** A command that has ended: 20 lines and `complete`. */
let id: string;
let name: string;
let path: string;
beforeAll(async () => {
  server = await startServer();
  ({ id, name, path } = await runToEnd(server));
});
afterAll(() => server?.stop());

const page = (query?: string): Promise<Page> => readPage(server, name, query);

test('D-39 the list names a command’s stream as commands/{id}, with its bounds', async () => {
  const { streams } = (await request(server, '/v1/streams')).json<{
    streams: readonly Record<string, unknown>[];
  }>();
  const found = streams.find((stream) => stream['name'] === `commands/${id}`);
  const { earliest, latest } = await page();
  expect(found).toMatchObject({ kind: 'commands', earliest, latest, closed: true });
});

test('D-39 the list comes in pages that together are everything, once', async () => {
  for (let i = 0; i < 4; i++) await readAll(server, await start(server, 'true'));
  const whole = (await request(server, '/v1/streams'))
    .json<{ streams: { name: string }[] }>()
    .streams.map((s) => s.name);
  const names: string[] = [];
  for (let after = ''; ; ) {
    const query = after === '' ? '?limit=2' : `?limit=2&after=${encodeURIComponent(after)}`;
    const part = (await request(server, `/v1/streams${query}`)).json<{
      streams: { name: string }[];
      next?: string;
    }>();
    names.push(...part.streams.map((stream) => stream.name));
    if (part.next === undefined) break;
    after = part.next;
  }
  expect(names).toEqual(whole);
});

test('D-39 a page has stream, epoch, bounds, events, next and closed', async () => {
  const first = await page();
  expect(first).toMatchObject({ stream: `commands/${id}`, closed: true, next: first.latest });
  expect(first.latest).toBe(first.events.at(-1)?.position);
  expect(first.earliest).toBe(first.events[0]?.position);
  for (const event of first.events) {
    expect(event.position).toMatch(/^[A-Za-z0-9._~-]{1,40}$/);
    expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
  const output = first.events.filter((event) => event.type === 'output');
  expect(output).toHaveLength(20);
  expect(output[0]?.data).toEqual({ line: expect.any(String), stream: expect.any(String) });
  expect(first.events.at(-1)).toMatchObject({ type: 'complete', data: { exit_code: 3 } });
  expect(await page('?after=start')).toEqual(first);
});

test('D-39 HEAD answers as GET would, without a body', async () => {
  for (const accept of ['text/event-stream', 'application/json']) {
    const answer = await request(server, `${path}?after=start`, { method: 'HEAD', headers: { accept } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toContain(accept);
    expect(answer.text).toBe('');
  }
  expect((await request(server, '/v1/streams/commands/none', { method: 'HEAD' })).status).toBe(404);
});

test('D-39 unknown streams are 404, a bad limit 400, no key 401, a key without the scope 403', async () => {
  expectProblem(await request(server, '/v1/streams/commands/none'), 404, 'stream-not-found');
  expect([400, 404]).toContain((await request(server, '/v1/streams/commands/..%2f..')).status);
  for (const limit of ['0', '-1', 'x', '999999999'])
    expectProblem(await request(server, `${path}?limit=${limit}`), 400, 'invalid-request');
  expectProblem(await request(server, path, { key: null }), 401, 'unauthenticated');
  const key = await makeKey(server, { scopes: ['projects:read'] });
  expectProblem(await request(server, path, { key }), 403, 'forbidden');
});

test('D-39 another tenant sees nothing: not in the list, not by page, tail, position or HEAD', async () => {
  const key = await makeKey(server, { scopes: ['streams:read', 'streams:write'], tenant: 'neighbours' });
  expect((await request(server, '/v1/streams', { key })).json<{ streams: unknown[] }>().streams).toEqual([]);
  const { latest, earliest } = await page();
  expectProblem(await request(server, path, { key }), 404, 'stream-not-found');
  for (const position of [earliest, latest]) {
    const headers = { accept: 'text/event-stream', 'last-event-id': position };
    expectProblem(await request(server, path, { key, headers }), 404, 'stream-not-found');
  }
  expect((await request(server, path, { key, method: 'HEAD' })).status).toBe(404);
});

test('D-4 a command’s stream is the server’s to write and remove: not its readers’, not even an admin’s', async () => {
  const before = await page();
  const body = { type: 'output', data: { line: 'forged', stream: 'stdout' } };
  for (const [method, options] of [
    ['POST', { body }],
    ['DELETE', {}],
    ['PUT', { body: {} }],
  ] as const) {
    const answer = await request(server, path, { method, ...options });
    expect([403, 405, 409]).toContain(answer.status);
  }
  expect((await page()).events.map((event) => event.position)).toEqual(
    before.events.map((event) => event.position),
  );
});
