import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  control,
  durable,
  freshName,
  makeDurable,
  messagesOf,
  nextOf,
  openDurable,
} from '../support/durable.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function fork(source: string, headers: Record<string, string> = {}, at = server) {
  const name = freshName();
  const made = await durable(at, 'PUT', name, {
    headers: { 'stream-forked-from': `/v1/stream/${source}`, ...headers },
  });
  return { name, made };
}

test('P-233 a fork begins with what its source had, and both go on by themselves', async () => {
  const source = await makeDurable(server, { body: '[1,2]' });
  const { name, made } = await fork(source);
  expect(made.status).toBe(201);
  await durable(server, 'POST', source, { body: '"source"' });
  await durable(server, 'POST', name, { body: '"fork"' });
  expect((await durable(server, 'GET', source)).json()).toEqual([1, 2, 'source']);
  expect((await durable(server, 'GET', name)).json()).toEqual([1, 2, 'fork']);
  expect((await readPage(server, name, '?after=start')).events).toHaveLength(3);
});

test('P-233 what the source does not hold cannot be forked', async () => {
  const source = await makeDurable(server, { body: '[1]' });
  const other = nextOf(await durable(server, 'HEAD', await makeDurable(server, { body: '[1]' })));
  for (const headers of [
    { 'stream-fork-offset': 'x' },
    { 'stream-fork-offset': other },
    { 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '2' },
    { 'stream-forked-from': source },
    { 'stream-forked-from': `/v1/stream/../${source}` },
    { 'stream-forked-from': `http://example.org/v1/stream/${source}` },
  ]) {
    expectProblem((await fork(source, headers)).made, 400, 'invalid-request');
  }
  expectProblem((await fork(freshName())).made, 404, 'stream-not-found');
});

test('P-233 asked for again it is found, also after the source has moved on', async () => {
  const source = await makeDurable(server, { body: '[1]', headers: { 'stream-ttl': '600' } });
  const { name } = await fork(source);
  await durable(server, 'POST', source, { body: '2' });
  const again = (headers: Record<string, string>) =>
    durable(server, 'PUT', name, { headers: { 'stream-forked-from': `/v1/stream/${source}`, ...headers } });
  expect((await again({})).status).toBe(200);
  const at = (await readPage(server, source, '?after=start')).events[0]?.position ?? '';
  expect((await again({ 'stream-fork-offset': at })).status).toBe(200);
  expectProblem(await again({ 'stream-fork-offset': '-1' }), 409, 'conflict');
  expectProblem(await again({ 'stream-ttl': '60' }), 409, 'conflict');
});

test('P-234 a reader of the source goes over to the fork with its offset, however it reads', async () => {
  const source = await makeDurable(server, { body: '[1,2]' });
  const page = await readPage(server, source, '?after=start');
  const [first, second] = page.events.map(({ position }) => position);
  const { name } = await fork(source);
  const { name: deeper } = await fork(name);
  await durable(server, 'POST', deeper, { body: '3' });
  expect((await durable(server, 'GET', `${deeper}?offset=${first ?? ''}`)).json()).toEqual([2, 3]);
  expect((await readPage(server, deeper, `?after=${second ?? ''}`)).events).toMatchObject([{ data: 3 }]);
  await using reader = await openDurable(server, deeper, `offset=${second ?? ''}`);
  await control(reader, ({ upToDate }) => upToDate === true, 'to be up to date');
  await durable(server, 'POST', deeper, { body: '4' });
  await reader.frame(
    () => messagesOf(reader).filter(({ event }) => event === 'data').length === 2,
    'the fourth',
  );
  expect(
    messagesOf(reader)
      .filter(({ event }) => event === 'data')
      .map(({ data }) => data),
  ).toEqual(['[\n3\n]', '[\n4\n]']);
  await durable(server, 'POST', source, { body: '"later"' });
  const later = nextOf(await durable(server, 'HEAD', source));
  expectProblem(await durable(server, 'GET', `${deeper}?offset=${later}`), 410, 'position-lost');
});

test('P-234 at the end of the fork a position of the source waits as one of its own', async () => {
  const source = await makeDurable(server, { body: '[1]' });
  const at = nextOf(await durable(server, 'HEAD', source));
  const { name } = await fork(source);
  await using reader = await openDurable(server, name, `offset=${at}`);
  await control(reader, ({ upToDate }) => upToDate === true, 'to be up to date');
  await durable(server, 'POST', name, { body: '2' });
  await reader.event('data');
});

test('P-235 a part of what was appended together comes along', async () => {
  const json = await makeDurable(server, { body: '[1,2,3]' });
  const { name } = await fork(json, { 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '2' });
  expect((await durable(server, 'GET', name)).text).toBe('[1,2]');
  const type = 'text/plain';
  const text = await makeDurable(server, { type, body: 'hello' });
  await durable(server, 'POST', text, { type, body: ' world' });
  const half = await fork(text, {
    ...{ 'content-type': type, 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '3' },
  });
  await durable(server, 'POST', half.name, { type, body: 'LO' });
  expect((await durable(server, 'GET', half.name)).text).toBe('helLO');
  const past = await fork(text, {
    ...{ 'content-type': type, 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '6' },
  });
  expectProblem(past.made, 400, 'invalid-request');
});

test('P-237 a deleted source keeps its name until the last of its forks is deleted, also over a restart', async () => {
  await using own = await startServer();
  const source = await makeDurable(own, { body: '[1]' });
  const { name } = await fork(source, {}, own);
  expect((await durable(own, 'DELETE', source)).status).toBe(204);
  await own.kill('SIGKILL');
  await own.restart();
  for (const method of ['GET', 'DELETE']) {
    expectProblem(await durable(own, method, source), 410, 'stream-gone');
  }
  expect((await durable(own, 'HEAD', source)).status).toBe(410);
  expectProblem(await durable(own, 'POST', source, { body: '1' }), 410, 'stream-gone');
  expectProblem(await durable(own, 'PUT', source), 409, 'conflict');
  expectProblem((await fork(source, {}, own)).made, 409, 'conflict');
  expectProblem(await request(own, `/v1/streams/${source}`, { method: 'PUT' }), 409, 'conflict');
  expect((await durable(own, 'GET', name)).json()).toEqual([1]);
  expect((await durable(own, 'DELETE', name)).status).toBe(204);
  expect((await durable(own, 'GET', source)).status).toBe(404);
  expect((await durable(own, 'PUT', source)).status).toBe(201);
});
