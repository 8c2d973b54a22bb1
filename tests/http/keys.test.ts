import { afterAll, beforeAll, expect, test } from 'vitest';
import { post } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { type Answer, type CommandError, type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, openTicketSocket } from '../support/socket.ts';
import { openStream } from '../support/sse-client.ts';
import { append, makeStream } from '../support/subscriptions.ts';

interface MadeKey {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly tenant: string;
  readonly user_id: string | null;
  readonly expires_at: string | null;
}

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const make = (body: Record<string, unknown>, key: string = server.key): Promise<Answer> =>
  request(server, '/keys', { method: 'POST', body: { name: 'test', ...body }, key });
const made = async (body: Record<string, unknown>): Promise<MadeKey> =>
  (await make(body)).json<Envelope<MadeKey>>().data;
const code = (answer: Answer): string => answer.json<CommandError>().error.code;

test('D-38 POST /keys shows the key this once: data {id, key, name, scopes, tenant, user_id, expires_at}', async () => {
  const data = await made({
    name: 'ci',
    scopes: ['projects:read', 'streams:read'],
    user_id: 'user_9',
    expires_in: '30d',
  });
  expect(data).toMatchObject({
    name: 'ci',
    scopes: ['projects:read', 'streams:read'],
    tenant: 'default',
    user_id: 'user_9',
  });
  expect(data.key).toMatch(/^rdev_\S{32,}$/);
  const days = (Date.parse(String(data.expires_at)) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThan(30.1);
  const list = await request(server, '/keys');
  expect(list.text).toContain(data.id);
  expect(list.text).not.toContain(data.key);
  const one = await request(server, `/keys/${data.id}`);
  expect(one.status).toBe(200);
  expect(one.text).not.toContain(data.key);
});

test('D-38 DELETE revokes a key at once', async () => {
  const data = await made({ scopes: ['projects:read'] });
  expect((await request(server, '/projects', { key: data.key })).status).toBe(200);
  expect((await request(server, `/keys/${data.id}`, { method: 'DELETE' })).status).toBeLessThan(300);
  expect((await request(server, '/projects', { key: data.key })).status).toBe(401);
  expect((await request(server, `/keys/${data.id}`)).status).toBe(404);
});

test('P-92 what a key has under way ends when it is deleted, and nothing of other keys', async () => {
  const stream = '/v1/streams/notes/revoked';
  const scopes = ['streams:read', 'streams:write'];
  const [mine, others] = [await made({ scopes }), await made({ scopes })];
  await makeStream(server, 'notes/revoked', mine.key);
  const ticket = await request(server, '/v1/tickets', { method: 'POST', key: mine.key, body: {} });
  const { ticket: text } = ticket.json<{ ticket: string }>();
  await using reading = await openStream(server, `${stream}?after=start`, { key: mine.key });
  await using other = await openStream(server, `${stream}?after=start`, { key: others.key });
  using socket = await openSocket(server, mine.key);
  using byTicket = await openTicketSocket(server, text);
  using otherSocket = await openSocket(server, others.key);
  expect([reading.status, other.status]).toEqual([200, 200]);
  await request(server, `/keys/${mine.id}`, { method: 'DELETE' });
  expect(await reading.end()).toBe('broken');
  expect((await socket.closed()).code).toBe(1006);
  expect((await byTicket.closed()).code).toBe(1006);
  await append(server, 'notes/revoked', 'still here', others.key);
  await other.frame(({ data }) => data?.includes('still here') === true, 'the event');
  otherSocket.send({ type: 'ping', id: 'still' });
  await otherSocket.answer('still');
});

test('D-15 a key is only good from its allowed addresses', async () => {
  const elsewhere = await made({ scopes: ['projects:read'], allowed_ips: ['192.0.2.0/24'] });
  const here = await made({ scopes: ['projects:read'], allowed_ips: ['127.0.0.1'] });
  expect([401, 403]).toContain((await request(server, '/projects', { key: elsewhere.key })).status);
  expect((await request(server, '/projects', { key: here.key })).status).toBe(200);
  // D-24: a forwarded address counts only from a trusted proxy.
  const headers = { 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7' };
  expect([401, 403]).toContain((await request(server, '/projects', { key: elsewhere.key, headers })).status);
});

test('D-15 a key cannot make one that may do more than itself, or one of another tenant', async () => {
  const key = await makeKey(server, { scopes: ['keys:write', 'projects:read'] });
  expect((await make({ scopes: ['projects:read'] }, key)).status).toBeLessThan(300);
  for (const scopes of [['admin'], ['projects:execute'], ['projects:read', 'streams:write']]) {
    expect(code(await make({ scopes }, key)), scopes.join()).toBe('FORBIDDEN');
  }
  expect(code(await make({ scopes: ['projects:read'], tenant: 'others' }, key))).toBe('FORBIDDEN');
  const reading = await makeKey(server, { scopes: ['keys:read'] });
  expect(code(await make({ scopes: ['keys:read'] }, reading))).toBe('FORBIDDEN');
});

test('D-38 nonsense is refused: unknown scopes, no scopes, no name, a bad duration, a bad address', async () => {
  const bodies = [
    { scopes: ['everything'] },
    { scopes: [] },
    { scopes: 'admin' },
    {},
    { scopes: ['projects:read'], name: '' },
    { scopes: ['projects:read'], expires_in: 'soon' },
    { scopes: ['projects:read'], allowed_ips: ['300.0.0.1'] },
    { scopes: ['projects:read'], tenant: 'a:b/../c' },
  ];
  for (const body of bodies) expect(code(await make(body)), JSON.stringify(body)).toBe('BAD_REQUEST');
});

test('D-38 the keys of one tenant are not those of another', async () => {
  const theirs = await makeKey(server, { scopes: ['keys:write', 'projects:read'], tenant: 'theirs' });
  const ours = await made({ scopes: ['projects:read'] });
  const list = await request(server, '/keys', { key: theirs });
  expect(list.text).not.toContain(ours.id);
  expect((await request(server, `/keys/${ours.id}`, { key: theirs })).status).toBe(404);
  expect((await request(server, `/keys/${ours.id}`, { key: theirs, method: 'DELETE' })).status).toBe(404);
  expect((await request(server, '/projects', { key: ours.key })).status).toBe(200);
});

test('D-24 after ten failures more of them get 429 without retry; a valid key always passes', async () => {
  await using other = await startServer({ env: { PLAYHEAD_FAILURE_LIMIT: '10' } });
  const statuses: number[] = [];
  let last: Answer | undefined;
  for (let i = 0; i < 14; i++) {
    last = await request(other, '/projects', { key: `rdev_guess${i}` });
    statuses.push(last.status);
  }
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
  expect(statuses.at(-1)).toBe(429);
  expect(last?.headers['x-should-retry']).toBe('false');
  expect((await post(other, 'true')).status).toBe(202);
  // No credential at all is no guess.
  expect((await request(other, '/projects', { key: null })).status).toBe(401);
});
