import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsPath, PROJECT, readAll, start } from '../support/commands.ts';
import { type CommandError, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const ORIGIN = 'https://app.example';
const SHELL = `/projects/${PROJECT}/shell`;

test('CM-23 D-37 a preflight lets any origin send the key and JSON, without credentials', async () => {
  const answer = await request(server, SHELL, {
    method: 'OPTIONS',
    key: null,
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-api-key',
    },
  });
  expect([200, 204]).toContain(answer.status);
  expect(['*', ORIGIN]).toContain(answer.headers['access-control-allow-origin']);
  expect(answer.headers['access-control-allow-methods']).toMatch(/\bPOST\b/);
  const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase();
  for (const name of ['x-api-key', 'content-type', 'authorization', 'last-event-id'])
    expect(allowed).toContain(name);
  expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
});

test('CM-23 D-37 answers, refusals and event streams may be read by another origin', async () => {
  const id = await start(server, 'true');
  const headers = { origin: ORIGIN };
  const answers = [
    await request(server, SHELL, { method: 'POST', body: { command: 'true' }, headers }),
    await request(server, SHELL, { method: 'POST', body: { command: 'true' }, headers, key: 'rdev_wrong' }),
    await request(server, eventsPath(id), { headers }),
    await request(server, eventsPath('cmd-001'), { headers }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([202, 401, 200, 404]);
  for (const answer of answers) {
    expect(['*', ORIGIN]).toContain(answer.headers['access-control-allow-origin']);
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  }
});

test('CM-23 D-37 a behind-complete 204 may be read by another origin too', async () => {
  const id = await start(server, 'true');
  const last = (await readAll(server, id)).at(-1)?.id ?? '';
  const answer = await request(server, eventsPath(id), {
    headers: { origin: ORIGIN, 'last-event-id': last },
  });
  expect(answer.status).toBe(204);
  expect(['*', ORIGIN]).toContain(answer.headers['access-control-allow-origin']);
});

test('CM-23 page and interface have one origin: the console is served beside the commands', async () => {
  const page = await request(server, '/console/', { key: null });
  expect(page.status).toBe(200);
  expect(page.headers['content-type']).toMatch(/^text\/html/);
  const root = await request(server, '/', { key: null, headers: { accept: 'text/html' } });
  expect([301, 302, 303, 307, 308]).toContain(root.status);
  expect(root.headers.location).toMatch(/\/console\/$/);
});

test('D-20 a foreign Host is 421, in the shape of its path; loopback names and health pass', async () => {
  const foreign = { host: `evil.example:${server.port}` };
  const answer = await request(server, SHELL, {
    method: 'POST',
    body: { command: 'true' },
    headers: foreign,
  });
  expect(answer.status).toBe(421);
  expect(answer.json<CommandError>().error.code).toMatch(/^[A-Z_]+$/);
  const stream = await request(server, eventsPath('cmd-001'), { headers: foreign });
  expect(stream.status).toBe(421);
  expect(stream.headers['content-type']).toMatch(/^application\/json/);
  const own = await request(server, '/v1/streams', { headers: foreign });
  expect(own.status).toBe(421);
  expect(own.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect((await request(server, '/console/', { headers: foreign })).status).toBe(421);
  expect((await request(server, '/health/live', { key: null, headers: foreign })).status).toBe(200);
  for (const host of [
    `localhost:${server.port}`,
    `127.0.0.1:${server.port}`,
    'localhost',
    `[::1]:${server.port}`,
  ]) {
    expect((await request(server, '/projects', { headers: { host } })).status, host).toBe(200);
  }
});

test('D-20 a listed Host passes', async () => {
  await using listed = await startServer({ env: { PLAYHEAD_ALLOWED_HOSTS: 'playhead.example' } });
  const headers = { host: 'playhead.example' };
  expect((await request(listed, '/projects', { headers })).status).toBe(200);
  expect((await request(listed, '/projects', { headers: { host: 'other.example' } })).status).toBe(421);
});

test('D-20 a cookie counts for nothing on this face from another origin', async () => {
  const answer = await request(server, SHELL, {
    method: 'POST',
    key: null,
    body: { command: 'true' },
    headers: { origin: ORIGIN, cookie: `key=${server.key}; playhead=${server.key}; session=${server.key}` },
  });
  expect(answer.status).toBe(401);
});
