import { afterAll, beforeAll, expect, test } from 'vitest';
import { completeOf, eventsPath, lines, PROJECT, post, readAll, start } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { makeKey } from '../support/keys.ts';
import { makeProject } from '../support/projects.ts';
import { type Answer, type CommandError, type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openStream } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** The documented error, and never an event stream: EventSource takes any other type as fatal. */
function expectError(answer: Answer, status: number, code: string): void {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  const { error, meta } = answer.json<CommandError>();
  expect(error.code).toBe(code);
  expect(error.message).toMatch(/\S/);
  expect(meta.request_id).toMatch(/\S/);
  expect(Number.isNaN(Date.parse(meta.timestamp))).toBe(false);
}

const events = (id: string, key: string | null, headers: Record<string, string> = {}): Promise<Answer> =>
  request(server, eventsPath(id), { key, headers: { accept: 'text/event-stream', ...headers } });

test('CM-21 D-18 the server’s own id opens its stream without a key: to read, and nothing else', async () => {
  const id = await start(server, 'echo open');
  await using reader = await openStream(server, eventsPath(id), { key: null });
  await reader.end();
  expect(lines(reader.frames)).toEqual(['open']);
  const path = `/projects/${PROJECT}/commands/${id}`;
  expectError(await request(server, path, { key: null }), 401, 'UNAUTHORIZED');
  expectError(await request(server, path, { key: null, method: 'DELETE' }), 401, 'UNAUTHORIZED');
  expect((await request(server, `/v1/streams/commands/${id}`, { key: null })).status).toBe(401);
});

test('CM-21 D-18 the id holds 160 random bits: 27 characters or more, never twice alike', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => start(server, 'true')));
  expect(new Set(ids.map((id) => id.slice(-20))).size).toBe(20);
  for (const id of ids) expect(id.replace(/^cmd[_-]/, '').length).toBeGreaterThanOrEqual(27);
});

test('CM-21 D-18 an id that the caller chose never opens without a key', async () => {
  const chosen = `chosen-${'x7Kq'.repeat(12)}`;
  const id = await start(server, 'echo mine', { body: { stream_id: chosen } });
  expect(id).toBe(chosen);
  expect(lines(await readAll(server, chosen))).toEqual(['mine']);
  const known = await events(chosen, null);
  const unknown = await events('chosen-but-unknown', null);
  expectError(known, 401, 'UNAUTHORIZED');
  // The same answer for both: it must not tell which chosen names exist.
  expect(unknown.status).toBe(401);
  expect(unknown.json<CommandError>().error).toEqual(known.json<CommandError>().error);
});

test('CM-21 D-18 the id alone opens no stream whose command ended long ago; a key still does', async () => {
  await using brief = await startServer({ env: { PLAYHEAD_COMMAND_OPEN_MS: '0' } });
  const id = await start(brief, 'echo past');
  await readAll(brief, id);
  const answer = await request(brief, eventsPath(id), { key: null });
  expectError(answer, 401, 'UNAUTHORIZED');
  expect(lines(await readAll(brief, id))).toEqual(['past']);
});

test('CM-21 the id opens it in its own project only, and the key never goes into the query', async () => {
  const id = await start(server, 'true');
  const elsewhere = await request(server, eventsPath(id, '', 'other-project'), { key: null });
  expect([401, 404]).toContain(elsewhere.status);
  const byQuery = await request(server, `/projects/${PROJECT}/commands?api_key=${server.key}`, { key: null });
  expectError(byQuery, 401, 'UNAUTHORIZED');
  const answer = await post(server, 'true');
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('CM-22 a wrong key is 401, with or without a good stream id, and never an event stream', async () => {
  const id = await start(server, 'true');
  for (const key of ['rdev_wrong', 'x', 'rdev_'.repeat(40)])
    expectError(await events(id, key), 401, 'UNAUTHORIZED');
  expectError(await post(server, 'true', { key: 'rdev_wrong' }), 401, 'UNAUTHORIZED');
  expectError(
    await request(server, `/projects/${PROJECT}/shell`, {
      method: 'POST',
      key: null,
      body: { command: 'true' },
    }),
    401,
    'UNAUTHORIZED',
  );
  // D-24: a valid key passes, whatever failed from this address.
  expect(completeOf(await readAll(server, id)).exit_code).toBe(0);
});

test('CM-22 a key without the scope is 403', async () => {
  const id = await start(server, 'true');
  const reading = await makeKey(server, { scopes: ['projects:read'] });
  const other = await makeKey(server, { scopes: ['streams:read'] });
  expectError(await post(server, 'true', { key: reading }), 403, 'FORBIDDEN');
  expectError(
    await request(server, `/projects/${PROJECT}/commands/${id}`, { method: 'DELETE', key: reading }),
    403,
    'FORBIDDEN',
  );
  expectError(await events(id, other), 403, 'FORBIDDEN');
  expect((await events(id, reading)).status).toBe(200);
  const executing = await makeKey(server, { scopes: ['projects:execute'] });
  expect((await post(server, 'true', { key: executing })).status).toBe(202);
  expect((await events(id, executing)).status).toBe(200);
});

test('CM-24 an unknown project and an unknown stream are 404, and no event stream', async () => {
  expectError(await post(server, 'true', { project: 'nowhere' }), 404, 'NOT_FOUND');
  expectError(await events('cmd-001', server.key), 404, 'NOT_FOUND');
  const id = await start(server, 'true');
  expectError(await request(server, eventsPath(id, '', 'nowhere')), 404, 'NOT_FOUND');
  expectError(await request(server, `/projects/${PROJECT}/commands/cmd-001`), 404, 'NOT_FOUND');
});

test('CM-24 a command of another project of the same tenant is not found in this one', async () => {
  const id = await start(server, 'true');
  const project = await makeProject(server, { root: server.dataFolder });
  expectError(await request(server, eventsPath(id, '', project)), 404, 'NOT_FOUND');
  expectError(await request(server, eventsPath(id, '', project), { key: null }), 404, 'NOT_FOUND');
  expectError(await request(server, `/projects/${project}/commands/${id}`), 404, 'NOT_FOUND');
  const stopped = await request(server, `/projects/${project}/commands/${id}`, { method: 'DELETE' });
  expectError(stopped, 404, 'NOT_FOUND');
});

test('CM-24 malformed ids are refused like unknown ones, without an event stream', async () => {
  for (const id of ['', '..%2f..', '%00', 'a%2Fb', 'x'.repeat(5000), '%0d%0aevent:%20x']) {
    const answer = await events(id, server.key);
    expect([400, 404, 414, 431], id).toContain(answer.status);
    expect(answer.headers['content-type'] ?? '', id).not.toContain('event-stream');
  }
});

test('CM-22 the key of another tenant meets 404 everywhere: list, read, resume, stop', async () => {
  await using gate = await makeGate();
  const id = await start(server, `echo secret; ${gate.wait}`);
  await using reader = await openStream(server, eventsPath(id));
  const lastEventId = (await reader.event('output')).id ?? '';
  const scopes = ['projects:read', 'streams:read', 'streams:write', 'keys:read'];
  const key = await makeKey(server, { scopes, tenant: 'strangers' });

  const projects = (await request(server, '/projects', { key })).json<Envelope<readonly { id: string }[]>>()
    .data;
  expect(projects).toEqual([]);
  expectError(await request(server, `/projects/${PROJECT}`, { key }), 404, 'NOT_FOUND');
  expectError(await request(server, `/projects/${PROJECT}/commands`, { key }), 404, 'NOT_FOUND');
  expectError(await request(server, `/projects/${PROJECT}/commands/${id}`, { key }), 404, 'NOT_FOUND');
  expectError(await events(id, key), 404, 'NOT_FOUND');
  expectError(await events(id, key, { 'last-event-id': lastEventId }), 404, 'NOT_FOUND');
  const stopped = await request(server, `/projects/${PROJECT}/commands/${id}`, { method: 'DELETE', key });
  // 403 without the scope: in either case it tells nothing and stops nothing.
  expect([403, 404]).toContain(stopped.status);
  expect((await request(server, `/v1/streams/commands/${id}`, { key })).status).toBe(404);
  expect((await request(server, `/v1/streams/commands/${id}`, { key, method: 'DELETE' })).status).not.toBe(
    204,
  );
  expect((await request(server, '/keys', { key })).text).not.toContain('default');

  await gate.open();
  await reader.end();
  expect(completeOf(reader.frames).exit_code).toBe(0);
});

test('D-19 only keys of the default tenant may be given projects:execute', async () => {
  const body = { name: 'no', scopes: ['projects:execute'], tenant: 'strangers' };
  const answer = await request(server, '/keys', { method: 'POST', body });
  expect([400, 403]).toContain(answer.status);
});

test('D-18 neither a key nor a whole stream id stands in the logs', async () => {
  const id = await start(server, 'true');
  await readAll(server, id);
  await request(server, eventsPath('cmd-nobody'), {});
  const logs = server.stdout + server.stderr;
  expect(logs).not.toContain(server.key);
  expect(logs).not.toContain(id);
});
