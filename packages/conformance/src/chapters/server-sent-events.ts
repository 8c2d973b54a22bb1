import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import { openEvents } from '../event-reader.ts';
import { append, makeStream, post, streamPath } from '../streams.ts';

/** A stream that is closed and has these events; its position at the end. */
async function closedStream(...values: readonly unknown[]): Promise<{ name: string; end: string }> {
  const name = await makeStream();
  const events = values.map((data) => ({ type: 'n', data }));
  const answer = await post(name, { events, close: true });
  return { name, end: answer.json<{ position: string }>().position };
}

const START = '?after=start';

describe('3 Server-Sent Events', () => {
  test('P-21 fields are name, colon, one space, value, LF, in the order id, event, data', async () => {
    const { name } = await closedStream(1, { a: 'b' });
    using reader = await openEvents(streamPath(name, START));
    await reader.end();
    for (const { text } of reader.frames) {
      const fields = text.split('\n').slice(0, -2);
      for (const line of fields) expect(line).toMatch(/^(?:id|event|data|retry): \S|^:/);
      const order = fields.map((line) => ['id', 'event', 'data'].indexOf(line.slice(0, line.indexOf(':'))));
      const known = order.filter((at) => at >= 0);
      expect(known.toSorted((a, b) => a - b)).toEqual(known);
      expect(text).not.toContain('\r');
    }
  });

  test('P-23 no line end gets from an event into another field', async () => {
    const name = await makeStream();
    for (const type of ['a\nb', 'a\rb', 'a\u0000b', 'a\r\ndata: x']) {
      expectProblem(await post(name, { type, data: 1 }), 400, 'invalid-request');
    }
    await append(name, 'a\r\n\nid: x\n\nevent: y\u0000');
    using reader = await openEvents(streamPath(name, START));
    const [only] = await reader.logged(1);
    expect(JSON.parse(only?.data ?? '')).toBe('a\r\n\nid: x\n\nevent: y\u0000');
  });

  test('P-24 a response does not end inside a frame', async () => {
    const { name } = await closedStream(...Array.from({ length: 50 }, (_, i) => 'x'.repeat(i * 100)));
    using reader = await openEvents(streamPath(name, START));
    await reader.end();
    expect(reader.rest).toBe('');
    expect(reader.frames.filter(({ id }) => id !== undefined)).toHaveLength(50);
  });

  test('P-25 a response is 200 and an event stream that nobody stores, compresses or holds back', async () => {
    const name = await makeStream();
    using reader = await openEvents(streamPath(name), { headers: { 'accept-encoding': 'gzip, br' } });
    expect(reader.status).toBe(200);
    expect(reader.headers['content-type']).toMatch(/^text\/event-stream(?:; ?charset=utf-8)?$/i);
    expect(reader.headers['content-encoding']).toBeUndefined();
    expect(reader.headers['cache-control']).toContain('no-cache');
    expect(reader.headers['x-accel-buffering']).toBe('no');
    expect(reader.headers['transfer-encoding']).toBe('chunked');
  });

  test('P-26 what is in the log has its position as id, and nothing else has one', async () => {
    const name = await makeStream();
    const position = await append(name, 1);
    using reader = await openEvents(streamPath(name, START));
    const [only] = await reader.logged(1);
    expect(only?.id).toBe(position);
    expect((await reader.named('receipt')).id).toBeUndefined();
  });

  test('P-27 Last-Event-ID wins over after', async () => {
    const name = await makeStream();
    const first = await append(name, 1);
    await append(name, 2);
    using reader = await openEvents(streamPath(name, START), { lastEventId: first });
    expect((await reader.logged(1)).map(({ data }) => data)).toEqual(['2']);
  });

  test('P-28 a quiet connection gets a heartbeat, and retry comes first', async () => {
    const name = await makeStream();
    using reader = await openEvents(streamPath(name));
    await reader.frame(({ text }) => text.includes('retry: '), 'retry');
    expect(reader.frames[0]?.text).toMatch(/^retry: \d+\n/);
    await reader.frame(({ text }) => text.startsWith(':') || text.includes('heartbeat'), 'a heartbeat');
  });

  test('P-29 a closed stream that was read ends the response, and then is 204', async () => {
    const { name, end } = await closedStream(1, 2);
    using reader = await openEvents(streamPath(name, START));
    await reader.end();
    const [, last] = await reader.logged(2);
    expect(last?.id).toBe(end);
    using again = await openEvents(streamPath(name), { lastEventId: end });
    expect(again.status).toBe(204);
    await again.end();
  });

  test('P-30 JSON is one line for every reader', async () => {
    const { name } = await closedStream({ 'a\u2028': 'b\u2029\u0085c' });
    using reader = await openEvents(streamPath(name, START));
    await reader.end();
    const [only] = await reader.logged(1);
    expect(only?.text).not.toMatch(/[\u0085\u2028\u2029]/);
    expect(JSON.parse(only?.data ?? '')).toEqual({ 'a\u2028': 'b\u2029\u0085c' });
  });

  test('P-31 an event of type error is named problem', async () => {
    const name = await makeStream();
    await post(name, { type: 'error', data: 1 });
    using reader = await openEvents(streamPath(name, START));
    expect((await reader.logged(1))[0]?.event).toBe('problem');
  });

  test('P-32 HEAD answers as GET, without a body', async () => {
    const name = await makeStream();
    const [get, head] = [await ask(streamPath(name)), await ask(streamPath(name), { method: 'HEAD' })];
    expect([head.status, head.bytes.length]).toEqual([get.status, 0]);
    expect(head.headers['content-type']).toBe(get.headers['content-type']);
    const none = `${streamPath(name)}-none`;
    expect((await ask(none, { method: 'HEAD' })).status).toBe((await ask(none)).status);
  });
});
