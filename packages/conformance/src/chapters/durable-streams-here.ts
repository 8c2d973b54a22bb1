import { stream } from '@durable-streams/client';
import { SseDecoder, type SseMessage } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { type Answer, ask, type AskOptions, expectProblem } from '../ask.ts';
import { readEvents, startCommand } from '../commands.ts';
import { type EventReader, openEvents } from '../event-reader.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { append, freshName, readPage, streamPath } from '../streams.ts';
import { target } from '../target.ts';
import { until } from '../within.ts';

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

  test('P-207 P-208 a body is the first content, and a stream goes away when its time is over', async () => {
    expect((await ask(at(await made({ body: '[]' })))).text).toBe('[]');
    const name = await made({ body: '["first"]', headers: { 'stream-ttl': '1' } });
    expect((await ask(at(name))).json()).toEqual(['first']);
    await until(
      async () => (await ask(at(name), { method: 'HEAD' })).status === 404,
      'the stream to go away',
    );
    const wrong: Record<string, string>[] = [
      { 'stream-ttl': '01' },
      { 'stream-ttl': '1.5' },
      { 'stream-expires-at': 'tomorrow' },
      { 'stream-expires-at': '2999-01-01T00:00:00Z' },
    ];
    for (const headers of wrong)
      expect([headers, (await put(freshName(), { headers })).status]).toEqual([headers, 400]);
  });

  test('P-210 P-212 an append is whole and committed, and Stream-Seq is greater than the last', async () => {
    const name = await made();
    for (const body of ['[1,', '[]', '']) expect((await post(name, body)).status).toBe(400);
    expect((await post(name, 'x', typed('text/plain'))).status).toBe(409);
    const statuses: number[] = [];
    for (const seq of ['a', 'b', 'b', 'B', 'ba']) {
      statuses.push((await post(name, `["${seq}"]`, { 'stream-seq': seq })).status);
    }
    expect(statuses).toEqual([204, 204, 409, 409, 204]);
    expect((await ask(at(name))).json()).toEqual(['a', 'b', 'ba']);
  });

  test('P-215 a producer that repeats itself gets its first answer', async () => {
    const name = await made();
    const send = (seq: number) =>
      post(name, `[${seq}]`, { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': String(seq) });
    const first = await send(0);
    expect((await send(1)).status).toBe(200);
    const again = await send(0);
    expect([again.status, nextOf(again), again.headers['producer-seq']]).toEqual([204, nextOf(first), '1']);
    expect((await ask(at(name))).json()).toEqual([0, 1]);
  });

  test('P-217 P-219 a long stream comes in pieces, and bytes one behind the other', async () => {
    const name = await made({ headers: typed('application/octet-stream') });
    const type = typed('application/octet-stream');
    for (let i = 0; i < 6; i++) await post(name, Buffer.alloc(1_000_000, i), type);
    let total = 0;
    for (let offset = '-1'; ; ) {
      const answer = await ask(at(name, `?offset=${offset}`));
      for (const byte of answer.bytes.subarray(0, 1)) expect(byte).toBe(total / 1_000_000);
      total += answer.bytes.length;
      offset = nextOf(answer);
      expect(answer.headers['stream-up-to-date']).toBe(total === 6_000_000 ? 'true' : undefined);
      if (total === 6_000_000 || answer.bytes.length === 0) break;
    }
    expect(total).toBe(6_000_000);
  });

  test('P-225 a long-poll waits for what comes, and ends at once where nothing will', async () => {
    const name = await made();
    const end = nextOf(await ask(at(name), { method: 'HEAD' }));
    const waiting = ask(at(name, `?offset=${end}&live=long-poll`));
    await post(name, '["came"]');
    expect((await waiting).json()).toEqual(['came']);
    const late = ask(at(name, '?offset=now&live=long-poll'));
    await post(name, undefined, { 'stream-closed': 'true' });
    for (const answer of [await late, await ask(at(name, '?offset=now&live=long-poll'))]) {
      expect([answer.status, answer.headers['stream-closed']]).toEqual([204, 'true']);
    }
    expectProblem(await ask(at(name, '?live=long-poll')), 400, 'invalid-request');
  });

  test('P-231 P-232 HEAD describes a stream, and DELETE deletes it', async () => {
    const name = await made({ body: 'abc', headers: typed('text/plain') });
    const { status, headers, bytes } = await ask(at(name), { method: 'HEAD' });
    expect([status, bytes.length]).toEqual([200, 0]);
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'stream-ttl': '3600' });
    expect(headers['stream-next-offset']).toBe((await readPage(name)).latest);
    expect((await ask(at(name), { method: 'DELETE' })).status).toBe(204);
    for (const method of ['DELETE', 'HEAD', 'GET'])
      expect((await ask(at(name), { method })).status).toBe(404);
  });

  test('P-233 P-235 a fork is made at an offset, and as much further as it is told', async () => {
    const source = await made({ body: '[1]' });
    const first = nextOf(await ask(at(source)));
    await post(source, '[2,3]');
    const forked = async (offset: string, part: string): Promise<unknown> => {
      const name = freshName();
      const headers = { 'stream-forked-from': at(source), 'stream-fork-offset': offset };
      const answer = await put(name, { headers: { ...headers, 'stream-fork-sub-offset': part } });
      return answer.status === 201 ? (await ask(at(name))).json() : answer.status;
    };
    expect([await forked(first, '0'), await forked(first, '1'), await forked(first, '9')]).toEqual([
      [1],
      [1, 2],
      400,
    ]);
    expect([await forked('-1', '0'), await forked(first.replace(/-.*$/, '-c999'), '0')]).toEqual([[], 400]);
  });

  test("P-255 the protocol's client library reads every kind of stream", async () => {
    const id = await startCommand('printf "\\377bytes"', { pty: true });
    await readEvents(id);
    const open = (name: string) =>
      stream({
        url: `${target.url}${at(name)}`,
        headers: { 'X-API-Key': target.key },
        offset: '-1',
        live: false,
      });
    const own = await made({ body: '[1,{"a":2}]' });
    await append(own, 'an event');
    expect(await (await open(own)).json()).toMatchObject([1, { a: 2 }, { type: 'n', data: 'an event' }]);
    const events = (await readPage(`commands/${id}`)).events.map(({ type }) => type);
    expect(await (await open(`commands/${id}`)).json()).toMatchObject(events.map((type) => ({ type })));
    const bytes = Buffer.from(await (await open(`commands/${id}/pty`)).body());
    expect(bytes).toEqual(Buffer.from('\xffbytes', 'latin1'));
  });
});
