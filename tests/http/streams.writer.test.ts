import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openStream } from '../support/sse-client.ts';
import { expectProblem, readPage, receiptOf } from '../support/streams.ts';

let server: TestServer;
let made = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

async function makeStream(): Promise<string> {
  const name = `writers/${++made}`;
  expect((await request(server, `/v1/streams/${name}`, { method: 'PUT' })).status).toBe(201);
  return name;
}

function append(name: string, body: unknown): Promise<Answer> {
  return request(server, `/v1/streams/${name}`, { method: 'POST', body });
}

const events = (...datas: unknown[]): unknown[] => datas.map((data) => ({ type: 'n', data }));
const writer = (epoch: number, sequence: number): unknown => ({ id: 'w', epoch, sequence });
const datas = async (name: string): Promise<unknown[]> =>
  (await readPage(server, name)).events.map(({ data }) => data);

describe('a writer over HTTP', () => {
  test('P-310 L7 that sends the same again adds nothing, and an older one is fenced', async () => {
    const name = await makeStream();
    const first = await append(name, { events: events(1, 2), writer: writer(0, 0) });
    const again = await append(name, { events: events(1, 2), writer: writer(0, 0) });
    expect(again.json()).toEqual({ ...first.json<object>(), repeated: true });
    expectProblem(await append(name, { events: events(9), writer: writer(0, 5) }), 409, 'conflict');
    expect((await append(name, { events: events(3), writer: writer(1, 0) })).status).toBe(200);
    expectProblem(await append(name, { events: events(9), writer: writer(0, 1) }), 409, 'fenced');
    expect(await datas(name)).toEqual([1, 2, 3]);
  });

  test('P-310 says which position it expects, and closes', async () => {
    const name = await makeStream();
    const { latest } = await readPage(server, name);
    const first = await append(name, { events: events(1), expected: latest });
    expect(first.status).toBe(200);
    expectProblem(await append(name, { events: events(2), expected: latest }), 412, 'precondition-failed');
    expectProblem(await append(name, { events: events(2), expected: 'x' }), 400, 'invalid-position');
    expect((await append(name, { events: [], close: true, writer: writer(0, 0) })).status).toBe(200);
    expect((await append(name, { events: [], close: true, writer: writer(0, 0) })).json()).toMatchObject({
      repeated: true,
    });
    expectProblem(await append(name, { events: events(2) }), 409, 'stream-closed');
    expect(await readPage(server, name)).toMatchObject({ closed: true, events: [{ data: 1 }] });
  });

  test('P-310 whose fields are not what they should be is told which', async () => {
    const name = await makeStream();
    const wrong = [
      { writer: 'w' },
      { writer: { id: 1, epoch: 0, sequence: 0 } },
      { writer: { id: '', epoch: 0, sequence: 0 } },
      { writer: { id: 'x'.repeat(129), epoch: 0, sequence: 0 } },
      { writer: { id: 'w', epoch: -1, sequence: 0 } },
      { writer: { id: 'w', epoch: 0, sequence: 0.5 } },
      { expected: 1 },
      { close: 'yes' },
    ];
    for (const extra of wrong) {
      const answer = await append(name, { events: events(1), ...extra });
      expectProblem(answer, 400, 'invalid-request');
      expect(answer.text).toContain(Object.keys(extra)[0]);
    }
    expectProblem(await append(name, { events: [] }), 400, 'invalid-request');
    expect(await datas(name)).toEqual([]);
  });
});

describe('since', () => {
  test('P-311 begins at a time, on pages and live, and a position wins over it', async () => {
    const name = await makeStream();
    for (let i = 0; i < 20; i++) await append(name, { events: events(i) });
    const all = (await readPage(server, name)).events;
    for (const at of [0, 7, 19]) {
      const { time } = all[at] ?? { time: '' };
      const wanted = all.filter((event) => event.time >= time).map(({ data }) => data);
      const page = await readPage(server, name, `?since=${time}`);
      expect(page.events.map(({ data }) => data)).toEqual(wanted);
      await using live = await openStream(server, `/v1/streams/${name}?since=${time}&envelope=true`);
      expect(
        JSON.parse((await live.frame(({ id }) => id !== undefined, 'an event')).data ?? ''),
      ).toMatchObject({
        data: wanted[0],
      });
      expect(receiptOf(live.frames).gap).toBe(false);
    }
    expect((await readPage(server, name, '?since=2999-01-01T00:00:00Z')).events).toEqual([]);
    const offset = all[17]?.position ?? '';
    await using resumed = await openStream(server, `/v1/streams/${name}?since=2020-01-01T00:00:00Z`, {
      lastEventId: offset,
    });
    expect((await resumed.frame(({ id }) => id !== undefined, 'an event')).data).toBe('18');
  });

  test('P-311 refuses what is no time, and a time beside a position', async () => {
    const name = await makeStream();
    for (const query of ['since=yesterday', 'since=2020-01-01', 'since=', 'since=2020-13-01T00:00:00Z']) {
      expectProblem(await request(server, `/v1/streams/${name}?${query}`), 400, 'invalid-request');
    }
    const both = await request(server, `/v1/streams/${name}?since=2020-01-01T00:00:00Z&after=start`);
    expectProblem(both, 400, 'invalid-request');
    const none = await request(server, '/v1/streams/writers/none?since=2020-01-01T00:00:00Z');
    expectProblem(none, 404, 'stream-not-found');
  });
});
