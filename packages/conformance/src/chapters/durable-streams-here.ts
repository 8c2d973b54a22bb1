import { SseDecoder, type SseMessage } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { type Answer, ask, type AskOptions, expectProblem } from '../ask.ts';
import { type EventReader, openEvents } from '../event-reader.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { append, freshName, readPage, streamPath } from '../streams.ts';
import { target } from '../target.ts';

// What the public suite leaves open, and this protocol decides.

const at = (name: string, query = ''): string => `/v1/stream/${name}${query}`;

const put = (name: string, options: AskOptions = {}): Promise<Answer> =>
  ask(at(name), {
    ...{ method: 'PUT', ...options },
    headers: { 'content-type': 'application/json', 'stream-ttl': '3600', ...options.headers },
  });
const post = (name: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(at(name), { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

async function made(options: AskOptions = {}): Promise<string> {
  const name = freshName();
  const answer = await put(name, options);
  expect([answer.status, answer.text]).toEqual([201, '']);
  return name;
}

const nextOf = (answer: Answer): string => String(answer.headers['stream-next-offset']);
const typed = (type: string): Record<string, string> => ({ 'content-type': type });

/** What came so far, as a browser would tell it. */
function messages(reader: EventReader): SseMessage[] {
  const found: SseMessage[] = [];
  const decoder = new SseDecoder({ onMessage: (message) => found.push(message) });
  decoder.feed(reader.frames.map(({ text }) => text).join(''));
  return found;
}

describe('13 Durable Streams', () => {
  test('P-200 P-202 a stream is the same on every face, and so are its offsets', async () => {
    const name = await made({ body: '[1]' });
    const first = nextOf(await ask(at(name)));
    const position = await append(name, 2);
    expect((await ask(at(name, `?offset=${first}`))).text).toBe(
      `[{"type":"n","time":"${(await readPage(name, `?after=${first}`)).events[0]?.time ?? ''}","data":2}]`,
    );
    expect(nextOf(await ask(at(name), { method: 'HEAD' }))).toBe(position);
  });

  test('P-201 a byte that a name cannot have has two spellings, and they are one stream', async () => {
    const name = freshName();
    expect((await put(`${name}%20%C3%BC`)).status).toBe(201);
    expect((await put(`${name}~20~c3~bc`)).status).toBe(200);
    const long = `${name}/${'x'.repeat(300)}`;
    expect([(await put(long)).status, (await ask(at(long))).status]).toEqual([400, 404]);
  });

  test('P-203 scopes are asked for, and other tenants see nothing', async () => {
    const name = await made({ body: '[1]' });
    const { key: reader } = await makeKey({ scopes: ['streams:read'] });
    const { key: other } = await makeKey({ scopes: ['streams:write'], tenant: freshTenant() });
    expectProblem(await ask(at(name), { key: null }), 401, 'unauthenticated');
    expect((await ask(at(name), { key: reader })).status).toBe(200);
    expectProblem(await ask(at(name), { key: reader, method: 'DELETE' }), 403, 'forbidden');
    expectProblem(await ask(at(name), { key: other }), 404, 'stream-not-found');
  });

  test("P-204 a producer's streams are not written", async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) {
      expectProblem(await ask(at('commands/x'), { method }), 405, 'method-not-allowed');
    }
  });

  test('P-205 P-213 a refusal is a problem, with the headers of the protocol', async () => {
    const name = await made();
    await post(name, '1', { 'stream-closed': 'true' });
    const refused = await post(name, '2', { origin: 'https://example.org' });
    expectProblem(refused, 409, 'stream-closed');
    expect(refused.headers['stream-closed']).toBe('true');
    expect(refused.headers['access-control-expose-headers']).toContain('Stream-Closed');
    expect((await post(name, undefined, { 'stream-closed': 'true' })).status).toBe(204);
  });

  test('P-206 where a stream is, is told as the caller reached it', async () => {
    const name = freshName();
    const answer = await put(name);
    expect(answer.headers['location']).toBe(`${target.url}${at(name)}`);
    expect((await put(name, { headers: { 'stream-ttl': '60' } })).status).toBe(409);
  });

  test('P-211 JSON keeps its text, other content its bytes', async () => {
    const name = await made();
    await post(name, '[1.0, 12345678901234567890, {"b":1,"a":2}]');
    expect((await ask(at(name))).text).toBe('[1.0,12345678901234567890,{"b":1,"a":2}]');
    expectProblem(await post(name, '{'), 400, 'invalid-json');
    const bytes = await made({ headers: typed('image/png') });
    const body = Buffer.from([0, 255, 10]);
    await post(bytes, body, typed('image/png'));
    expect((await readPage(bytes)).events).toMatchObject([
      { type: 'message', encoding: 'base64', data: body.toString('base64') },
    ]);
  });

  test('P-214 P-216 of several reasons the first is told', async () => {
    const name = await made();
    const producer = (epoch: number, seq: number, more: Record<string, string> = {}) => ({
      ...{ 'producer-id': 'p', 'producer-epoch': `${epoch}`, 'producer-seq': `${seq}`, ...more },
    });
    await post(name, '1', producer(1, 0, { 'stream-seq': 'b' }));
    const typedWrong = await post(name, '2', producer(1, 5, typed('text/plain')));
    expect(typedWrong.headers['producer-expected-seq']).toBeUndefined();
    const gap = await post(name, '2', producer(1, 5, { 'stream-seq': 'a' }));
    expect(gap.headers['producer-expected-seq']).toBe('1');
    expect((await post(name, '2', producer(1, 1, { 'stream-seq': 'b' }))).status).toBe(409);
    const closing = producer(1, 1, { 'stream-closed': 'true' });
    expect((await post(name, '2', closing)).status).toBe(200);
    expect((await post(name, '2', closing)).status).toBe(204);
    expectProblem(await post(name, '3', producer(1, 2)), 409, 'stream-closed');
    expectProblem(await post(name, '3', producer(0, 0)), 403, 'fenced');
  });

  test('P-218 events of other types are told whole', async () => {
    const name = await made();
    await append(name, { deep: [1] });
    await post(name, '"mine"');
    const [event] = (await readPage(name)).events;
    expect((await ask(at(name))).json()).toEqual([
      { type: 'n', time: event?.time, data: { deep: [1] } },
      'mine',
    ]);
  });

  test('P-220 a malformed offset is 400, one of another history 410 in every mode', async () => {
    const name = await made({ body: '[1]' });
    const old = nextOf(await ask(at(name)));
    expectProblem(await ask(at(name, '?offset=x')), 400, 'invalid-position');
    await ask(at(name), { method: 'DELETE' });
    await put(name);
    for (const live of ['', '&live=long-poll', '&live=sse']) {
      const lost = await ask(at(name, `?offset=${old}${live}`));
      const { resume } = expectProblem(lost, 410, 'position-lost');
      expect((await ask(at(name, `?offset=${String(resume)}`))).status).toBe(200);
    }
  });

  test('P-221 what a reader has is not sent again', async () => {
    const name = await made({ body: '[1]' });
    const { headers } = await ask(at(name));
    const again = () => ask(at(name), { headers: { 'if-none-match': String(headers['etag']) } });
    expect((await again()).status).toBe(304);
    await post(name, undefined, { 'stream-closed': 'true' });
    expect((await again()).status).toBe(200);
  });

  test('P-222 P-223 content is cached with care and runs nowhere', async () => {
    const name = await made({ body: '[1]' });
    const { headers } = await ask(at(name));
    expect(headers['cache-control']).toMatch(/^(?:private|public), max-age=60/);
    expect(headers['content-security-policy']).toBe('sandbox');
    const end = await ask(at(name, `?offset=${nextOf(await ask(at(name)))}`));
    expect(end.headers['cache-control']).toMatch(/no-cache$/);
    expect((await ask(at(name, '?offset=now'))).headers['cache-control']).toBe('no-store');
  });

  test('P-226 P-227 P-228 events tell their data, then where they end, and are resumed by id', async () => {
    const name = await made({ body: '[1,2]' });
    const [first] = (await readPage(name)).events;
    using reader = await openEvents(at(name, '?offset=-1&live=sse'), {
      lastEventId: first?.position ?? '',
    });
    expect(reader.headers['content-type']).toBe('text/event-stream');
    await reader.named('control');
    const [data, told] = messages(reader);
    const { latest } = await readPage(name);
    expect([data?.data, data?.lastEventId, told?.lastEventId]).toEqual(['[\n2\n]', latest, latest]);
    expect(JSON.parse(told?.data ?? '')).toMatchObject({ streamNextOffset: latest, upToDate: true });
  });

  test('P-229 the end of a stream is told, also to who is there already', async () => {
    const name = await made({ body: '[1]', headers: { 'stream-closed': 'true' } });
    const end = (await readPage(name)).latest;
    for (const offset of ['-1', end]) {
      using reader = await openEvents(at(name, `?offset=${offset}&live=sse`));
      await reader.end();
      expect(JSON.parse(messages(reader).at(-1)?.data ?? '')).toMatchObject({
        ...{ streamNextOffset: end, streamClosed: true },
      });
    }
  });

  test('P-230 a cursor moves on, for all alike', async () => {
    const name = await made({ body: '[1]' });
    const ask1 = async (cursor: string) =>
      Number((await ask(at(name, `?offset=-1&live=long-poll&cursor=${cursor}`))).headers['stream-cursor']);
    const sent = (await ask1('')) + 10;
    const moved = await ask1(String(sent));
    expect(moved).toBeGreaterThan(sent);
    expect(await ask1(String(sent))).toBe(moved);
  });

  test('P-234 P-236 a reader of the source goes on in its fork, a producer begins anew', async () => {
    const source = await made({ body: '[1,2]' });
    const producer = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0' };
    await post(source, '3', producer);
    const [first] = (await readPage(source)).events;
    const fork = await made({ headers: { 'stream-forked-from': at(source) } });
    await post(fork, '4', producer);
    expect((await ask(at(fork, `?offset=${first?.position ?? ''}`))).json()).toEqual([2, 3, 4]);
    await post(source, '"later"');
    const later = nextOf(await ask(at(source), { method: 'HEAD' }));
    expectProblem(await ask(at(fork, `?offset=${later}`)), 410, 'position-lost');
  });

  test('P-237 a deleted source keeps its name, on every face', async () => {
    const source = await made({ body: '[1]' });
    const fork = await made({ headers: { 'stream-forked-from': at(source) } });
    await ask(at(source), { method: 'DELETE' });
    expectProblem(await ask(at(source)), 410, 'stream-gone');
    expectProblem(await put(source), 409, 'conflict');
    expectProblem(await ask(streamPath(source), { method: 'PUT' }), 409, 'conflict');
    expect((await ask(at(fork))).json()).toEqual([1]);
    await ask(at(fork), { method: 'DELETE' });
    expect((await put(source)).status).toBe(201);
  });
});
