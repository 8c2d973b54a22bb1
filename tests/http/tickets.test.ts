import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKey } from '../support/keys.ts';
import { type Answer, type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, openTicketSocket } from '../support/socket.ts';
import { openStream } from '../support/sse-client.ts';
import { expectProblem } from '../support/streams.ts';
import { until } from '../support/within.ts';

interface Ticket {
  readonly ticket: string;
  readonly expires_at: string;
}

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  for (const name of ['notes/a', 'notes/b']) {
    await request(server, `/v1/streams/${name}`, { method: 'PUT' });
    await request(server, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: name } });
  }
});
afterAll(() => server?.stop());

const ask = (body: unknown, key?: string, at: TestServer = server): Promise<Answer> =>
  request(at, '/v1/tickets', { method: 'POST', body, ...(key === undefined ? {} : { key }) });
const ticketFor = async (stream?: string, key?: string, at: TestServer = server): Promise<string> =>
  (await ask(stream === undefined ? {} : { stream }, key, at)).json<Ticket>().ticket;
const shown = (path: string, ticket: string, method = 'GET', body?: unknown): Promise<Answer> =>
  request(server, `${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`, {
    method,
    key: null,
    ...(body === undefined ? {} : { body }),
  });

test('P-121 D-39 POST /v1/tickets answers {ticket, expires_at}: 15 minutes for a stream, 30 s otherwise', async () => {
  const bound = (await ask({ stream: 'notes/a' })).json<Ticket>();
  const free = (await ask({})).json<Ticket>();
  const seconds = ({ expires_at }: Ticket): number => (Date.parse(expires_at) - Date.now()) / 1000;
  expect(seconds(bound)).toBeGreaterThan(880);
  expect(seconds(bound)).toBeLessThanOrEqual(900);
  expect(seconds(free)).toBeGreaterThan(20);
  expect(seconds(free)).toBeLessThanOrEqual(30);
  expect(bound.ticket).toMatch(/^ticket_[\w-]{43}$/);
});

test('P-121 a ticket is refused without a key, for a stream that is not there, and for a malformed body', async () => {
  expectProblem(
    await request(server, '/v1/tickets', { method: 'POST', body: {}, key: null }),
    401,
    'unauthenticated',
  );
  expectProblem(await ask({ stream: 'notes/none' }), 404, 'stream-not-found');
  expectProblem(await ask({ stream: '../etc' }), 404, 'stream-not-found');
  expectProblem(await ask({ stream: 7 }), 400, 'invalid-request');
  expectProblem(await ask({ streams: 'notes/a' }), 400, 'invalid-request');
  const key = await makeKey(server, { scopes: ['projects:read'] });
  expectProblem(await ask({ stream: 'notes/a' }, key), 403, 'forbidden');
});

test('P-123 D-17 a stream ticket reads its stream again and again, as pages and live', async () => {
  const ticket = await ticketFor('notes/a');
  for (let i = 0; i < 3; i++) expect((await shown('/v1/streams/notes/a', ticket)).status).toBe(200);
  await using reader = await openStream(server, `/v1/streams/notes/a?after=start&ticket=${ticket}`, {
    key: null,
  });
  expect((await reader.event('note')).data).toBe('"notes/a"');
});

test('P-123 a stream ticket opens nothing but reading that stream', async () => {
  const ticket = await ticketFor('notes/a');
  const refused: readonly (readonly [path: string, method?: string, body?: unknown])[] = [
    ['/v1/streams'],
    ['/v1/streams/notes/b'],
    ['/v1/streams/notes/a/..%2Fb'],
    ['/v1/streams/notes%2Fb'],
    ['/v1/streams/notes/a', 'POST', { type: 'note', data: 1 }],
    ['/v1/streams/notes/a', 'PUT', {}],
    ['/v1/streams/notes/a', 'DELETE'],
    ['/v1/tickets', 'POST', {}],
    ['/v1/tickets', 'POST', { stream: 'notes/a' }],
    ['/keys'],
    ['/projects'],
    ['/projects/my-project/shell', 'POST', { command: 'true' }],
    ['/projects/my-project/commands'],
    ['/projects/my-project/events?stream_id=notes'],
  ];
  for (const [path, method, body] of refused) {
    const { status } = await shown(path, ticket, method, body);
    expect([path, method, [400, 403, 404].includes(status)]).toEqual([path, method, true]);
  }
  await expect(openTicketSocket(server, ticket)).rejects.toThrow();
  const signIn = await request(server, '/console/session', { method: 'POST', key: null, body: { ticket } });
  expect(signIn.status).toBe(403);
  expect(signIn.headers['set-cookie']).toBeUndefined();
  // It was not used up by any of that.
  expect((await shown('/v1/streams/notes/a', ticket)).status).toBe(200);
});

test("P-123 a stream ticket opens no other tenant's stream of the same name", async () => {
  const other = await makeKey(server, { scopes: ['streams:write'], tenant: 'other' });
  await request(server, '/v1/streams/notes/a', { method: 'PUT', key: other });
  await request(server, '/v1/streams/notes/a', {
    method: 'POST',
    key: other,
    body: { type: 'note', data: 'theirs' },
  });
  const ticket = await ticketFor('notes/a', other);
  const page = await shown('/v1/streams/notes/a', ticket);
  expect(page.text).toContain('theirs');
  expect(page.text).not.toContain('"data":"notes/a"');
});

test('P-122 D-17 a ticket without a stream opens one WebSocket, with the rights of its key', async () => {
  const ticket = await ticketFor();
  using socket = await openTicketSocket(server, ticket);
  socket.send({ type: 'subscribe', stream: 'notes/b', after: 'start' });
  expect((await socket.events('notes/b', 1))[0]?.data).toBe('notes/b');
  await expect(openTicketSocket(server, ticket)).rejects.toThrow();
});

test('P-122 a ticket without a stream is no key in a URL: no request but an upgrade takes it', async () => {
  for (const path of ['/v1/streams', '/v1/streams/notes/a', '/keys', '/projects']) {
    expect([path, (await shown(path, await ticketFor())).status]).toEqual([path, 403]);
  }
  expect((await shown('/v1/tickets', await ticketFor(), 'POST', {})).status).toBe(403);
  const misused = await ticketFor();
  await shown('/keys', misused);
  await expect(openTicketSocket(server, misused)).rejects.toThrow();
});

test('P-124 a ticket ends with its key', async () => {
  const made = await request(server, '/keys', {
    method: 'POST',
    body: { name: 'short', scopes: ['streams:read'] },
  });
  const { id, key } = made.json<Envelope<{ id: string; key: string }>>().data;
  const ticket = await ticketFor('notes/a', key);
  expect((await shown('/v1/streams/notes/a', ticket)).status).toBe(200);
  await request(server, `/keys/${id}`, { method: 'DELETE' });
  expect((await shown('/v1/streams/notes/a', ticket)).status).toBe(401);
});

test('P-124 an expired ticket, an unknown one and one from before a restart are 401', async () => {
  await using brief = await startServer({
    env: { PLAYHEAD_TICKET_MS: '1', PLAYHEAD_STREAM_TICKET_MS: '1' },
  });
  await request(brief, '/v1/streams/notes/a', { method: 'PUT' });
  const ticket = await ticketFor('notes/a', undefined, brief);
  await until(async () => {
    const answer = await request(brief, `/v1/streams/notes/a?ticket=${ticket}`, { key: null });
    return answer.status === 401;
  }, 'the ticket to expire');
  const unknown = await shown('/v1/streams/notes/a', `ticket_${'A'.repeat(43)}`);
  expectProblem(unknown, 401, 'unauthenticated');
  const kept = await ticketFor('notes/a');
  await server.restart();
  expect((await shown('/v1/streams/notes/a', kept)).status).toBe(401);
});

test('P-125 no ticket is in the log', async () => {
  const ticket = await ticketFor('notes/a');
  await shown('/v1/streams/notes/a', ticket);
  await shown('/keys', ticket);
  expect(server.stderr + server.stdout).not.toContain(ticket);
});

test('P-122 a key still opens the socket', async () => {
  using socket = await openSocket(server);
  socket.send({ type: 'subscribe', stream: 'notes/a', after: 'start' });
  await socket.events('notes/a', 1);
});
