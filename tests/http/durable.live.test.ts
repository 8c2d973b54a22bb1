import EventSource from 'eventsource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  control,
  controlsOf,
  durable,
  freshName,
  makeDurable,
  messagesOf,
  nextOf,
  openDurable,
} from '../support/durable.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem } from '../support/streams.ts';
import { until, within } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_LONG_POLL_MS: '300' } });
});
afterAll(() => server.stop());

const closing = { headers: { 'stream-closed': 'true' } };

describe('long-poll', () => {
  test('P-225 waits for what comes, and says that nothing did', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const first = await durable(server, 'GET', `${name}?offset=-1&live=long-poll`);
    expect([first.status, first.text]).toEqual([200, '[1]']);
    const target = `${name}?offset=${nextOf(first)}&live=long-poll`;
    const nothing = await durable(server, 'GET', target);
    expect([nothing.status, nothing.text]).toEqual([204, '']);
    expect(nextOf(nothing)).toBe(nextOf(first));
    expect(nothing.headers).toMatchObject({ 'stream-up-to-date': 'true', 'cache-control': 'no-store' });
    expect(nothing.headers['stream-cursor']).toMatch(/^[0-9]+$/);
  });

  test('P-225 those who wait at one place get the same, from wherever it was appended', async () => {
    await using own = await startServer();
    const name = await makeDurable(own);
    const waiting = Array.from({ length: 20 }, () =>
      durable(own, 'GET', `${name}?offset=now&live=long-poll`),
    );
    let settled = false;
    void Promise.all(waiting).then(() => (settled = true));
    while (!settled)
      await request(own, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: 1 } });
    for (const answer of await Promise.all(waiting)) {
      expect(answer.status).toBe(200);
      expect(answer.json<unknown[]>()[0]).toMatchObject({ type: 'note', data: 1 });
      expect(answer.headers['etag']).toContain(nextOf(answer));
    }
  });

  test('P-225 ends with the stream', async () => {
    const name = await makeDurable(server);
    const target = `${name}?offset=now&live=long-poll`;
    const waiting = durable(server, 'GET', target);
    await durable(server, 'POST', name, closing);
    const answer = await waiting;
    expect([answer.status, answer.headers['stream-closed']]).toEqual([204, 'true']);
    expect(answer.headers['stream-cursor'] === undefined).toBe(true);
    const after = await durable(server, 'GET', target);
    expect([after.status, after.headers['stream-closed']]).toEqual([204, 'true']);
  });

  test('P-225 a stream that is deleted meanwhile is told as that', async () => {
    await using own = await startServer();
    const name = await makeDurable(own);
    const waiting = durable(own, 'GET', `${name}?offset=now&live=long-poll`);
    let settled = false;
    void waiting.then(() => (settled = true));
    // The request may not be there yet when the stream is deleted: then it is told the same at once.
    expect((await durable(own, 'DELETE', name)).status).toBe(204);
    expectProblem(await waiting, 404, 'stream-not-found');
    expect(settled).toBe(true);
  });

  test('P-225 a server that goes away lets its readers go', async () => {
    await using own = await startServer({ env: { PLAYHEAD_LONG_POLL_MS: '19000' } });
    const name = await makeDurable(own);
    const waiting = durable(own, 'GET', `${name}?offset=now&live=long-poll`);
    await request(own, '/health/live');
    const ended = own.kill('SIGTERM');
    const { status } = await waiting;
    expect([204, 503]).toContain(status);
    await ended;
  });

  test('P-230 a cursor moves on for whoever sends it', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const ask = async (cursor: string): Promise<number> => {
      const answer = await durable(server, 'GET', `${name}?offset=-1&live=long-poll&cursor=${cursor}`);
      return Number(answer.headers['stream-cursor']);
    };
    const present = await ask('');
    for (const sent of [present, present + 1000]) {
      const moved = await ask(String(sent));
      expect(moved).toBeGreaterThan(sent);
      expect(moved).toBeLessThanOrEqual(sent + 181);
      expect(await ask(String(sent))).toBe(moved);
    }
    for (const strange of ['x', '-1', '9'.repeat(40), '1']) {
      expect(await ask(strange)).toBeGreaterThanOrEqual(present);
    }
  });
});

describe('Server-Sent Events', () => {
  test('P-226 data come before the control that tells where they end, both with the offset as id', async () => {
    const name = await makeDurable(server, { body: '[{"a":1},[2]]' });
    await using reader = await openDurable(server, name, 'offset=-1');
    expect(reader.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    expect(reader.headers['stream-sse-data-encoding']).toBeUndefined();
    await control(reader, ({ upToDate }) => upToDate === true, 'to be up to date');
    const [data, told] = messagesOf(reader);
    const { latest } = (await request(server, `/v1/streams/${name}`)).json<{ latest: string }>();
    expect(data).toMatchObject({ event: 'data', lastEventId: latest });
    expect(JSON.parse(data?.data ?? '')).toEqual([{ a: 1 }, [2]]);
    expect(told).toMatchObject({ event: 'control', lastEventId: latest });
    expect(JSON.parse(told?.data ?? '')).toMatchObject({ streamNextOffset: latest, upToDate: true });
    expect(reader.body.toString()).toContain('event: data\ndata:[\n');
  });

  test('P-226 text keeps its lines and its spaces, bytes come in base64', async () => {
    const text = await makeDurable(server, { type: 'text/plain', body: ' one\n\n  two\rthree\r\n' });
    await using lines = await openDurable(server, text, 'offset=-1');
    await lines.event('control');
    expect(messagesOf(lines)[0]?.data).toBe(' one\n\n  two\nthree\n');
    const bytes = await makeDurable(server, { type: 'image/png', body: Buffer.from([0, 255, 1]) });
    await durable(server, 'POST', bytes, { type: 'image/png', body: Buffer.from([254]) });
    await using encoded = await openDurable(server, bytes, 'offset=-1');
    await encoded.event('control');
    expect(encoded.headers['stream-sse-data-encoding']).toBe('base64');
    expect(messagesOf(encoded)[0]?.data).toBe(Buffer.from([0, 255, 1, 254]).toString('base64'));
  });

  test('P-227 up to date is told only where nothing follows', async () => {
    const name = await makeDurable(server, { body: `[${'"'}${'x'.repeat(100_000)}${'"'}]` });
    for (let n = 0; n < 5; n++) await durable(server, 'POST', name, { body: `"${'y'.repeat(100_000)}"` });
    await using reader = await openDurable(server, name, 'offset=-1');
    await control(reader, ({ upToDate }) => upToDate === true, 'to be up to date');
    const { latest } = (await request(server, `/v1/streams/${name}`)).json<{ latest: string }>();
    const controls = controlsOf(reader);
    expect(controls.length).toBeGreaterThan(1);
    for (const { streamNextOffset, upToDate } of controls)
      expect(upToDate === true).toBe(streamNextOffset === latest);
  });

  test('P-227 a reader at the end is told so at once', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    const { headers } = await durable(server, 'HEAD', name);
    for (const offset of ['now', String(headers['stream-next-offset'])]) {
      await using reader = await openDurable(server, name, `offset=${offset}`);
      await reader.event('control');
      expect(controlsOf(reader)).toMatchObject([
        { streamNextOffset: headers['stream-next-offset'], upToDate: true },
      ]);
    }
  });

  test('P-228 Last-Event-ID is where to go on, whatever the URL says', async () => {
    const name = await makeDurable(server, { body: '[1,2]' });
    const page = (await request(server, `/v1/streams/${name}?after=start`)).json<{
      events: { position: string }[];
    }>();
    const lastEventId = page.events[0]?.position ?? '';
    await using reader = await openDurable(server, name, 'offset=-1', { lastEventId });
    await reader.event('control');
    expect(messagesOf(reader)[0]?.data).toBe('[\n2\n]');
    await using strange = await openDurable(server, name, 'offset=-1', { lastEventId: 'x' });
    expect(strange.status).toBe(400);
  });

  test('P-228 EventSource resumes by itself, from one response to the next', async () => {
    await using own = await startServer({
      env: { PLAYHEAD_SSE_LIFETIME_MS: '100', PLAYHEAD_HEARTBEAT_MS: '50', PLAYHEAD_RETRY_MS: '10' },
    });
    const name = await makeDurable(own);
    const asked = await request(own, '/v1/tickets', { method: 'POST', body: { stream: name } });
    const { ticket } = asked.json<{ ticket: string }>();
    const source = new EventSource(`${own.url}/v1/stream/${name}?offset=-1&live=sse&ticket=${ticket}`);
    const seen: unknown[] = [];
    let opened = 0;
    source.addEventListener('open', () => opened++);
    source.addEventListener('data', (event: { data: string }) => {
      seen.push(...(JSON.parse(event.data) as unknown[]));
    });
    try {
      for (let n = 0; n < 200 && opened < 4; n++) await durable(own, 'POST', name, { body: String(n) });
      await until(() => opened >= 4, 'to be opened four times');
      await durable(own, 'POST', name, { body: '"last"' });
      await until(() => seen.includes('last'), 'the last event');
      expect(seen).toEqual((await durable(own, 'GET', name)).json());
    } finally {
      source.close();
    }
  });

  test('P-229 the end of a stream is told, and is the end of the response', async () => {
    const name = await makeDurable(server, { body: '[1]' });
    await using reader = await openDurable(server, name, 'offset=-1');
    await reader.event('control');
    await durable(server, 'POST', name, { body: '2', ...closing });
    expect(await reader.end()).toBe('ended');
    const last = controlsOf(reader).at(-1);
    expect(last).toEqual({
      ...{ streamNextOffset: last?.streamNextOffset, streamClosed: true, upToDate: true },
    });
    await using late = await openDurable(server, name, `offset=${last?.streamNextOffset ?? ''}`);
    expect(await late.end()).toBe('ended');
    expect([late.status, controlsOf(late)]).toEqual([200, [last]]);
    await using empty = await openDurable(server, await makeDurable(server, closing), 'offset=-1');
    expect(await empty.end()).toBe('ended');
    expect(controlsOf(empty).at(-1)).toMatchObject({ streamClosed: true });
  });

  test('P-229 a quiet stream has heartbeats, and a response its time', async () => {
    await using own = await startServer({ env: { PLAYHEAD_SSE_LIFETIME_MS: '900' } });
    const name = await makeDurable(own);
    await using reader = await openDurable(own, name, 'offset=now');
    await reader.frame(({ text }) => text === ': heartbeat\n\n', 'a heartbeat');
    expect(await reader.end()).toBe('ended');
    expect(controlsOf(reader).every(({ streamClosed }) => streamClosed === undefined)).toBe(true);
  });
});

describe('P-208 time to live', () => {
  test('P-208 a stream that somebody waits at does not run out; one that nobody does is gone', async () => {
    await using own = await startServer({ env: { PLAYHEAD_LONG_POLL_MS: '2500' } });
    const ttl = { headers: { 'stream-ttl': '1' } };
    const [polled, followed, left] = [
      await makeDurable(own, ttl),
      await makeDurable(own, ttl),
      await makeDurable(own, ttl),
    ];
    const waiting = durable(own, 'GET', `${polled}?offset=now&live=long-poll`);
    await using reader = await openDurable(own, followed, 'offset=now');
    await until(async () => (await durable(own, 'HEAD', left)).status === 404, 'the third stream to be gone');
    expect((await waiting).status).toBe(204);
    expect((await durable(own, 'HEAD', followed)).status).toBe(200);
    reader.close();
    await until(async () => (await durable(own, 'HEAD', followed)).status === 404, 'the second to be gone');
  });

  test('P-208 who follows a stream whose time is over is let go', async () => {
    const name = freshName();
    const at = new Date(Date.now() + 500).toISOString();
    await durable(server, 'PUT', name, { headers: { 'stream-expires-at': at } });
    await using reader = await openDurable(server, name, 'offset=now');
    expect(await within(reader.end(), 'the end')).toBe('ended');
    expect((await durable(server, 'GET', name)).status).toBe(404);
  });
});
