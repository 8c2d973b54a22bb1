import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ContextsSocket, contextMessage, device, sync, userKey } from '../support/contexts.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: string;
let eve: string;
let socket: ContextsSocket;
beforeAll(async () => {
  server = await startServer({
    env: { PLAYHEAD_CONTEXTS_MESSAGE_RATE: '10000', PLAYHEAD_CONTEXTS_USER_RATE: '10000' },
  });
  ann = await userKey(server, 'ann');
  eve = await userKey(server, 'eve');
  socket = await device(server, ann, 'ann');
});
afterAll(async () => {
  socket?.socket.close();
  await server?.stop();
});

const asAnn = (path: string, method: string, body?: unknown) =>
  request(server, `/api/v1/teams${path}`, { method, key: ann, ...(body === undefined ? {} : { body }) });

test('P-437 CX-29 who is removed while joining hears nothing, however the two meet', async () => {
  await asAnn('', 'POST', { id: 'crew', members: ['eve'] });
  await socket.subscribe('team:crew');
  const content = 'x'.repeat(1_000);
  for (let round = 0; round < 12; round++) {
    await asAnn('/crew/members/eve', 'PUT');
    using other = await device(server, eve, 'eve');
    // The team's channel first: the one behind it waits for what was stored just now, and meanwhile the removal comes.
    const messages = Array.from({ length: 400 }, (_, i) => contextMessage(`c${i}`, { content }));
    await sync(server, eve, ...messages);
    const joining = other.ask({ type: 'subscribe', channels: ['team:crew', 'user-contexts'] });
    expect((await asAnn('/crew/members/eve', 'DELETE')).status).toBe(200);
    await joining;
    await other.ask({ type: 'heartbeat' });
    const event = { payload: { kind: 'note', data: `secret ${round}` } };
    const sent = await socket.ask({ type: 'broadcast', channel: 'team:crew', event });
    expect(sent).toMatchObject({ type: 'broadcast-confirmed', delivered: 1 });
    await socket.events('team:crew', round + 1);
    await other.ask({ type: 'heartbeat' });
    expect(other.updates('team:crew')).toEqual([]);
  }
});

test('P-437 a team of the id of one that was deleted has nothing of what was said there', async () => {
  await asAnn('', 'POST', { id: 'again' });
  await socket.subscribe('team:again');
  await socket.ask({ type: 'broadcast', channel: 'team:again', event: { payload: { kind: 'old' } } });
  expect((await asAnn('/again', 'DELETE')).status).toBe(204);
  expect((await request(server, '/api/v1/channels/team:again/events', { key: ann })).status).toBe(404);
  const made = await request(server, '/api/v1/teams', { method: 'POST', key: eve, body: { id: 'again' } });
  expect(made.status).toBe(201);
  const page = await request(server, '/api/v1/channels/team:again/events', { key: eve });
  expect(page.json()).toMatchObject({ events: [], latestSequence: 0 });
  expect((await request(server, '/api/v1/channels/team:again/events', { key: ann })).status).toBe(404);
  using own = await device(server, eve, 'eve', 'team:again');
  await own.ask({ type: 'broadcast', channel: 'team:again', event: { payload: { kind: 'new' } } });
  const before = socket.messages.length;
  await own.events('team:again', 1);
  await socket.ask({ type: 'heartbeat' });
  expect(socket.messages.slice(before).filter(({ type }) => type === 'state-update')).toEqual([]);
});
