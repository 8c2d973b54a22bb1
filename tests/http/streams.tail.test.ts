import { afterAll, beforeAll, expect, test } from 'vitest';
import { follow, readAll, runToEnd, start } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  type EventReader,
  type Frame,
  jsonOf,
  openStream,
  type StreamOptions,
} from '../support/sse-client.ts';
import {
  eventsOf,
  expectProblem,
  type Page,
  type Receipt,
  readPage,
  receiptOf,
  type StreamEvent,
} from '../support/streams.ts';

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
const tail = (query: string = '', options: StreamOptions = {}): Promise<EventReader> =>
  openStream(server, path + query, options);

/** The frames of a tail that was read to its end. */
async function tailed(query: string, options: StreamOptions = {}): Promise<readonly Frame[]> {
  await using reader = await tail(query, options);
  expect(await reader.end()).toBe('ended');
  expect(reader.rest).toBe('');
  return reader.frames;
}

test('D-39 F1 small pages to the end are the same events as the live tail, at the same positions', async () => {
  const paged: StreamEvent[] = [];
  for (let after = 'start'; ; ) {
    const part = await page(`?limit=3&after=${after}`);
    expect(part.events.length).toBeLessThanOrEqual(3);
    paged.push(...part.events);
    after = part.next;
    if (part.closed) break;
  }
  const frames = eventsOf(await tailed('?after=start'));
  expect(frames.map((frame) => frame.id)).toEqual(paged.map((event) => event.position));
  expect(frames.map((frame) => jsonOf(frame))).toEqual(paged.map((event) => event.data));
  const enveloped = eventsOf(await tailed('?after=start&envelope=true'));
  expect(enveloped.map((frame) => jsonOf(frame))).toEqual(paged);
});

test('F1 one cursor: an id of the command’s own face resumes here, and the other way round', async () => {
  const documented = (await readAll(server, id)).filter((frame) => frame.id !== undefined);
  const middle = documented[9]?.id ?? '';
  const rest = documented.slice(10).map((frame) => frame.id);
  expect((await page(`?after=${middle}`)).events.map((event) => event.position)).toEqual(rest);
  expect(eventsOf(await tailed('', { lastEventId: middle })).map((frame) => frame.id)).toEqual(rest);
  const position = (await page('?limit=5')).next;
  const behind = (await page(`?after=${position}`)).events.map((event) => event.position);
  const resumed = (await readAll(server, id, { lastEventId: position })).filter(
    (frame) => frame.id !== undefined,
  );
  expect(resumed.map((frame) => frame.id)).toEqual(behind);
});

test('F4 D-9 the receipt comes first; every event behind it has an id', async () => {
  const all = await page();
  const frames = await tailed('?after=start');
  expect(receiptOf(frames)).toMatchObject({ latest: all.latest, epoch: all.epoch, missed: 0, gap: false });
  for (const frame of eventsOf(frames)) expect(frame.id).toMatch(/\S/);
  const asked = all.events[4]?.position ?? '';
  const receipt = receiptOf(await tailed(`?after=${asked}`));
  expect(receipt).toMatchObject({ requested: asked, from: asked, missed: 0, gap: false });
});

test('F4 D-39 D-7 without a cursor a command is told from its start; `live` is what comes from now on', async () => {
  await using gate = await makeGate();
  const running = await start(server, `echo early; ${gate.wait}; echo late`);
  await using reader = await follow(server, running);
  const early = await reader.event('output');
  await using live = await openStream(server, `/v1/streams/commands/${running}?after=live`);
  await using whole = await openStream(server, `/v1/streams/commands/${running}`);
  expect(jsonOf<Receipt>(await live.event('receipt'))).toMatchObject({ requested: null, from: early.id });
  await gate.open();
  await live.end();
  await whole.end();
  expect(eventsOf(whole.frames)[0]?.event).toBe('started');
  expect(eventsOf(live.frames).map((frame) => jsonOf(frame))).toEqual([
    { line: 'late', stream: 'stdout' },
    expect.objectContaining({ exit_code: 0 }),
  ]);
});

test('D-7 only a malformed position is a 400', async () => {
  for (const after of ['evt-001', 'x', '%20', '-1', `${'0'.repeat(16)}-a`, '1'.repeat(60)]) {
    expectProblem(await request(server, `${path}?after=${after}`), 400, 'invalid-position');
    expectProblem(
      await request(server, `${path}?after=${after}`, { headers: { accept: 'text/event-stream' } }),
      400,
      'invalid-position',
    );
  }
});

test('D-7 a position of another epoch or ahead of the latest is lost: pages 410, tails a receipt and everything', async () => {
  const all = await page();
  const otherEpoch = `${'0'.repeat(16)}-a1`;
  const ahead = all.latest.replace(/-[a-p]\d+$/, '-d9999');
  for (const after of [otherEpoch, ahead]) {
    expectProblem(await request(server, `${path}?after=${after}`), 410, 'position-lost');
    const frames = await tailed('', { lastEventId: after });
    expect(receiptOf(frames)).toMatchObject({ requested: after, gap: true, missed: null });
    expect(eventsOf(frames).map((frame) => frame.id)).toEqual(all.events.map((event) => event.position));
  }
});

test('D-7 behind the end of a finished stream there is only 204', async () => {
  const { latest } = await page();
  for (const [query, options] of [
    ['', { lastEventId: latest }],
    [`?after=${latest}`, {}],
  ] as const) {
    await using reader = await tail(query, options);
    await reader.end();
    expect(reader.status).toBe(204);
    expect(reader.body).toHaveLength(0);
  }
  const empty = await page(`?after=${latest}`);
  expect(empty).toMatchObject({ events: [], next: latest, closed: true });
});
