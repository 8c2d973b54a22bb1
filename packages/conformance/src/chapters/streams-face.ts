import type { StreamSummary } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import { jsonOf, openEvents } from '../event-reader.ts';
import { freshTenant, makeKey } from '../keys.ts';
import {
  append,
  datas,
  freshName,
  lostPosition,
  makeStream,
  post,
  PREFIX,
  readPage,
  streamPath,
} from '../streams.ts';

interface List {
  readonly streams: readonly StreamSummary[];
  readonly next?: string;
}

const list = async (query: string): Promise<List> => (await ask(`/v1/streams?${query}`)).json<List>();

describe("5 The streams' face", () => {
  test('P-51 the list has every stream in the order of the names, page by page', async () => {
    const kind = `${PREFIX}/list${Math.random().toString(36).slice(2)}`;
    const names = ['a', 'b', 'c', 'd', 'e'].map((part) => `${kind}/${part}`);
    for (const name of names) await ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600 } });
    const found: string[] = [];
    for (let after = ''; ; ) {
      const { streams, next } = await list(`prefix=${kind}&limit=2${after}`);
      expect(streams.length).toBeLessThanOrEqual(2);
      found.push(...streams.map(({ name }) => name));
      if (next === undefined) break;
      after = `&after=${encodeURIComponent(next)}`;
    }
    expect(found).toEqual(names);
    const [first] = (await list(`prefix=${kind}`)).streams;
    expect(first).toMatchObject({
      name: names[0],
      kind: PREFIX,
      earliest: expect.any(String) as string,
      latest: expect.any(String) as string,
      closed: false,
      content_type: 'application/json',
      durability: 'durable',
      bytes: expect.any(Number) as number,
      created_at: expect.stringMatching(/Z$/) as string,
    });
  });

  test('P-52 a page has the stream, its bounds and its events, and does not wait', async () => {
    const name = await makeStream();
    await append(name, 1, 2, 3);
    const page = await readPage(name, '?limit=2');
    const [first, second] = page.events;
    expect(page).toMatchObject({
      stream: name,
      earliest: first?.position,
      next: second?.position,
      closed: false,
    });
    expect(datas(page.events)).toEqual([1, 2]);
    expect(page.latest.startsWith(page.epoch)).toBe(true);
    expect((await readPage(name, '?after=live')).events).toEqual([]);
    expectProblem(await ask(streamPath(name, '?limit=0')), 400, 'invalid-request');
    expectProblem(await ask(streamPath(freshName())), 404, 'stream-not-found');
  });

  test('P-53 next goes on without a hole, and closed is the end', async () => {
    const name = await makeStream();
    await append(name, ...Array.from({ length: 25 }, (_, i) => i));
    await post(name, { events: [], close: true });
    const seen: unknown[] = [];
    const closed: boolean[] = [];
    for (let query = '?limit=10'; ; ) {
      const page = await readPage(name, query);
      seen.push(...datas(page.events));
      closed.push(page.closed);
      if (page.closed) break;
      query = `?limit=10&after=${page.next}`;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => i));
    expect(closed).toEqual([false, false, true]);
  });

  test('P-54 an event stream follows, from now on unless it is told, with the type as name', async () => {
    const name = await makeStream();
    await append(name, 'before');
    using live = await openEvents(streamPath(name));
    await live.named('receipt');
    await post(name, { type: 'greeting', data: { hello: 1 } });
    const [only] = await live.logged(1);
    expect(only).toMatchObject({ event: 'greeting', data: '{"hello":1}' });
    using whole = await openEvents(streamPath(name, '?after=start&envelope=true'));
    const [first, second] = await whole.logged(2);
    if (first === undefined || second === undefined) throw new Error('nothing came');
    expect([first.event, second.event]).toEqual([undefined, undefined]);
    expect(jsonOf<object>(second)).toMatchObject({
      position: second.id,
      type: 'greeting',
      data: { hello: 1 },
    });
  });

  test('P-55 every is every event in order, latest skips to the newest', async () => {
    const name = await makeStream();
    const values = Array.from({ length: 40 }, (_, i) => i);
    await append(name, ...values);
    using every = await openEvents(streamPath(name, '?after=start'));
    expect((await every.logged(40)).map(({ data }) => Number(data))).toEqual(values);
    using latest = await openEvents(streamPath(name, '?after=start&delivery=latest'));
    expect((await latest.logged(1))[0]?.data).toBe('39');
    expectProblem(
      await ask(streamPath(name, '?delivery=some'), { headers: { accept: 'text/event-stream' } }),
      400,
      'invalid-request',
    );
  });

  test('P-56 a page whose position is lost is 410, and says where to go on', async () => {
    const name = await makeStream();
    const old = await lostPosition(name);
    await append(name, 'kept');
    const problem = expectProblem(await ask(streamPath(name, `?after=${old}`)), 410, 'position-lost');
    expect(problem).toMatchObject({ earliest: expect.any(String) as string });
    expect(datas((await readPage(name, `?after=${String(problem['resume'])}`)).events)).toEqual(['kept']);
  });

  test('P-57 only a malformed position is 400', async () => {
    const name = await makeStream();
    expectProblem(await ask(streamPath(name, '?after=nonsense')), 400, 'invalid-position');
    const { epoch } = await readPage(name);
    expectProblem(await ask(streamPath(name, `?after=${epoch}-c999`)), 410, 'position-lost');
  });

  test('P-58 streams are made, added to whole, and deleted; an append makes none', async () => {
    const name = freshName();
    expectProblem(await post(name, { type: 'n', data: 1 }), 404, 'stream-not-found');
    const put = () => ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600 } });
    expect([(await put()).status, (await put()).status]).toEqual([201, 200]);
    const whole = await post(name, { events: [{ type: 'n', data: 1 }, { type: 'n' }] });
    expectProblem(whole, 400, 'invalid-request');
    expect((await readPage(name)).events).toEqual([]);
    const position = await append(name, 1, 2);
    expect((await readPage(name)).latest).toBe(position);
    expect((await post(name, { type: 'n', data: 3 })).json()).toEqual({
      position: expect.any(String) as string,
    });
    expect((await ask(streamPath(name), { method: 'DELETE' })).status).toBe(204);
    expectProblem(await ask(streamPath(name)), 404, 'stream-not-found');
    expectProblem(await ask(streamPath(name), { method: 'DELETE' }), 404, 'stream-not-found');
  });

  test('P-59 the streams of a producer are not written to here', async () => {
    const name = 'commands/conformance';
    expectProblem(await ask(streamPath(name), { method: 'PUT' }), 403, 'forbidden');
    expectProblem(await post(name, { type: 'n', data: 1 }), 403, 'forbidden');
    expectProblem(await ask(streamPath(name), { method: 'DELETE' }), 403, 'forbidden');
  });

  test("P-60 another tenant's stream looks as if it did not exist", async () => {
    const name = await makeStream();
    await append(name, 'secret');
    const { key } = await makeKey({ scopes: ['streams:read', 'streams:write'], tenant: freshTenant() });
    const none = streamPath(freshName());
    for (const options of [{}, { method: 'DELETE' }, { method: 'POST', body: { type: 'n', data: 1 } }]) {
      const [theirs, missing] = [
        await ask(streamPath(name), { ...options, key }),
        await ask(none, { ...options, key }),
      ];
      const shape = ({ status, text }: typeof theirs): unknown => [
        status,
        text.replaceAll(/"request_id":"[^"]*"/g, ''),
      ];
      expect(shape(theirs)).toEqual(shape(missing));
      expect(theirs.status).toBe(404);
    }
    const listed = await ask(`/v1/streams?prefix=${PREFIX}`, { key });
    expect(listed.json<List>().streams).toEqual([]);
  });

  test('P-310 a writer that sends the same again adds nothing', async () => {
    const name = await makeStream();
    const body = (sequence: number, epoch = 0) => ({
      events: [{ type: 'n', data: sequence }],
      writer: { id: 'w', epoch, sequence },
    });
    const first = await post(name, body(0));
    const again = await post(name, body(0));
    expect(again.json()).toEqual({ ...first.json<object>(), repeated: true });
    expectProblem(await post(name, body(2)), 409, 'conflict');
    expect((await post(name, body(0, 1))).status).toBe(200);
    expectProblem(await post(name, body(1)), 409, 'fenced');
    const late = { events: [{ type: 'n', data: 1 }], expected: first.json<{ position: string }>().position };
    expectProblem(await post(name, late), 412, 'precondition-failed');
    expect((await post(name, { events: [], close: true })).status).toBe(200);
    expect(datas((await readPage(name)).events)).toEqual([0, 0]);
  });

  test('P-311 since begins at a time', async () => {
    const name = await makeStream();
    for (let i = 0; i < 5; i++) await append(name, i);
    const { events } = await readPage(name);
    const { time = '' } = events[3] ?? {};
    const wanted = datas(events.filter((event) => event.time >= time));
    expect(datas((await readPage(name, `?since=${time}`)).events)).toEqual(wanted);
    using live = await openEvents(streamPath(name, `?since=${time}`));
    expect((await live.logged(wanted.length)).map(({ data }) => Number(data))).toEqual(wanted);
    expect((await readPage(name, '?since=2999-01-01T00:00:00Z')).events).toEqual([]);
    expectProblem(await ask(streamPath(name, '?since=noon')), 400, 'invalid-request');
    expectProblem(await ask(streamPath(name, `?since=${time}&after=start`)), 400, 'invalid-request');
  });
});
