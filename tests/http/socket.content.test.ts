import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../packages/protocol/src/index.ts';
import { start, readAll } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import { until } from '../support/within.ts';

let server: TestServer;
let made = 0;
beforeAll(async () => {
  // A reader that takes nothing answers no ping either; here it is not to be taken for dead.
  server = await startServer({ env: { PLAYHEAD_HEARTBEAT_MS: '60000' } });
});
afterAll(() => server?.stop());

const fresh = (): string => `content/${++made}`;
type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
let questions = 0;

/** Sends, and gives the answer of this type, or throws what was answered instead. */
async function ask<T extends ServerMessage['type']>(
  socket: SocketClient,
  message: Record<string, unknown>,
  type: T,
): Promise<Of<T>> {
  const id = `q${++questions}`;
  socket.send({ ...message, id });
  const answer = await socket.answer(id);
  if (answer.type !== type) throw new Error(`${JSON.stringify(message)}: ${JSON.stringify(answer)}`);
  return answer as Of<T>;
}

const refused = async (socket: SocketClient, message: Record<string, unknown>): Promise<string> =>
  (await ask(socket, message, 'problem')).problem.code;

interface ReadBack {
  readonly reading: Of<'reading'>;
  readonly messages: readonly unknown[];
  readonly bytes: Buffer;
  readonly end: Of<'end'>;
  /** Of every piece. */
  readonly positions: readonly string[];
}

interface Head {
  readonly stream: string;
  readonly position: string;
}

function headOf(frame: Buffer): { head: Head & Record<string, unknown>; body: Buffer } {
  const begin = 2 + frame.readUInt16BE(0);
  return {
    head: JSON.parse(frame.toString('utf8', 2, begin)) as Head & Record<string, unknown>,
    body: frame.subarray(begin),
  };
}

/** A frame as clients send bytes: the length of the head, the head, the bytes. */
function binary(head: Record<string, unknown>, body: Buffer): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return new Uint8Array(Buffer.concat([length, text, body]));
}

/** Reads on a socket of its own, to the end. */
async function read(stream: string, more: Record<string, unknown> = {}): Promise<ReadBack> {
  using socket = await openSocket(server);
  const reading = await ask(socket, { type: 'read', stream, ...more }, 'reading');
  const end = await socket.next('end');
  const data = socket.messages.filter((message): message is Of<'data'> => message.type === 'data');
  const frames = socket.binary.map(headOf);
  return {
    reading,
    end,
    messages: data.flatMap(({ messages }) => messages),
    bytes: Buffer.concat(frames.map(({ body }) => body)),
    positions: [...data.map(({ position }) => position), ...frames.map(({ head }) => head.position)],
  };
}

const http = (stream: string, method: string, headers: Record<string, string> = {}, body?: string) =>
  request(server, `/v1/stream/${stream}`, { method, headers, ...(body === undefined ? {} : { body }) });

/** A live reader of bytes that takes nothing from its connection until it is asked for the rest: how many there were. */
async function rawReader(stream: string): Promise<{ rest(): Promise<number> }> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    `GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.key}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(socket, 'readable');
  const message = Buffer.from(JSON.stringify({ type: 'read', stream, live: true }));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | message.length]), Buffer.alloc(4), message]));
  return {
    async rest() {
      const pieces: Buffer[] = [];
      for await (const piece of socket) {
        pieces.push(piece as Buffer);
        if (Buffer.concat(pieces.slice(-2)).includes('"reason":"finished"')) break;
      }
      const all = Buffer.concat(pieces);
      let at = all.indexOf('\r\n\r\n') + 4;
      let total = 0;
      while (at < all.length) {
        const short = (all[at + 1] ?? 0) & 0x7f;
        const begin = short < 126 ? at + 2 : short === 126 ? at + 4 : at + 10;
        const length =
          short < 126
            ? short
            : short === 126
              ? all.readUInt16BE(at + 2)
              : Number(all.readBigUInt64BE(at + 2));
        if (all[at] === 0x82) total += length - 2 - all.readUInt16BE(begin);
        at = begin + length;
      }
      return total;
    },
  };
}

describe('create', () => {
  it('P-291 makes what a PUT makes, and finds what was made just so', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    const message = {
      ...{ type: 'create', stream, content_type: 'text/plain', ttl_seconds: 3600 },
      ...{ data: 'first', closed: true },
    };
    const first = await ask(socket, message, 'created');
    expect(first).toMatchObject({ existed: false, content_type: 'text/plain', closed: true });
    expect(await ask(socket, message, 'created')).toMatchObject({ existed: true, position: first.position });
    const put = await http(stream, 'PUT', {
      'content-type': 'text/plain',
      'stream-ttl': '3600',
      'stream-closed': 'true',
    });
    expect([put.status, put.headers['stream-next-offset']]).toEqual([200, first.position]);
    for (const other of [
      { ttl_seconds: 60 },
      { content_type: 'text/css' },
      { closed: false },
      { expires_at: '2999-01-01T00:00:00Z', ttl_seconds: undefined },
      { durability: 'volatile' },
    ]) {
      expect([other, await refused(socket, { ...message, ...other })]).toEqual([other, 'conflict']);
    }
    expect((await read(stream)).bytes.toString()).toBe('first');
  });

  it('P-291 holds JSON unless it is told, and takes its first messages', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    const created = await ask(socket, { type: 'create', stream, messages: [1, [2], null] }, 'created');
    expect(created).toMatchObject({ content_type: 'application/json', closed: false });
    expect((await http(stream, 'GET')).json()).toEqual([1, [2], null]);
    const expires = '2999-01-01T00:00:00.000Z';
    const other = fresh();
    await ask(socket, { type: 'create', stream: other, expires_at: expires }, 'created');
    expect(await ask(socket, { type: 'head', stream: other }, 'head')).toMatchObject({ expires_at: expires });
  });

  it('P-292 forks at a position, and as much further as it is told', async () => {
    using socket = await openSocket(server);
    const [source, whole, part, bytes] = [fresh(), fresh(), fresh(), fresh()];
    const { position } = await ask(socket, { type: 'create', stream: source, messages: ['a'] }, 'created');
    await ask(socket, { type: 'append', stream: source, messages: ['b', 'c'] }, 'appended');
    await ask(socket, { type: 'create', stream: whole, forked_from: source }, 'created');
    const cut = {
      type: 'create',
      stream: part,
      forked_from: source,
      fork_offset: position,
      fork_sub_offset: 1,
    };
    expect(await ask(socket, cut, 'created')).toMatchObject({ existed: false });
    expect(await ask(socket, cut, 'created')).toMatchObject({ existed: true });
    await ask(socket, { type: 'append', stream: part, messages: ['mine'] }, 'appended');
    expect((await read(whole)).messages).toEqual(['a', 'b', 'c']);
    expect((await read(part)).messages).toEqual(['a', 'b', 'mine']);
    expect(await refused(socket, { ...cut, stream: bytes, content_type: 'text/plain' })).toBe('conflict');
    expect(await refused(socket, { ...cut, stream: bytes, fork_sub_offset: 9 })).toBe('invalid-request');
    expect(await refused(socket, { type: 'create', stream: bytes, forked_from: fresh() })).toBe(
      'stream-not-found',
    );
    expect(await refused(socket, { type: 'create', stream: bytes, fork_offset: position })).toBe(
      'invalid-request',
    );
  });

  it('P-291 is refused what no stream can be', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    for (const wrong of [
      { content_type: 'nonsense' },
      { ttl_seconds: -1 },
      { ttl_seconds: 1.5 },
      { ttl_seconds: 5, expires_at: '2999-01-01T00:00:00Z' },
      { expires_at: 'soon' },
      { content_type: 'text/plain', messages: [1] },
      { messages: [1], data: '1' },
      { closed: 'yes' },
      { encoding: 'latin1', data: 'x' },
    ]) {
      const code = await refused(socket, { type: 'create', stream, ...wrong });
      expect([wrong, code]).toEqual([wrong, 'invalid-request']);
    }
    expect(await refused(socket, { type: 'create', stream, data: '{' })).toBe('invalid-json');
    expect(await refused(socket, { type: 'create', stream: 'commands/x' })).toBe('forbidden');
    expect((await http(stream, 'HEAD')).status).toBe(404);
  });
});

describe('append', () => {
  it('P-293 takes values, text, base64 and binary frames, as POST takes a body', async () => {
    using socket = await openSocket(server);
    const [json, text] = [fresh(), fresh()];
    await ask(socket, { type: 'create', stream: json }, 'created');
    await ask(socket, { type: 'append', stream: json, messages: [1, [2, 3]] }, 'appended');
    const type = { content_type: 'application/json' };
    await ask(
      socket,
      { type: 'append', stream: json, ...type, data: '[12345678901234567890, [4]]' },
      'appended',
    );
    socket.socket.send(binary({ type: 'append', id: 'b', stream: json, ...type }, Buffer.from('"ä"')));
    expect(await socket.answer('b')).toMatchObject({ type: 'appended', stream: json });
    expect((await http(json, 'GET')).text).toBe('[1,[2,3],12345678901234567890,[4],"ä"]');

    const plain = { content_type: 'text/plain; charset=utf-8' };
    await ask(socket, { type: 'create', stream: text, ...plain }, 'created');
    await ask(socket, { type: 'append', stream: text, ...plain, data: 'ä\r\n' }, 'appended');
    const base64 = { data: Buffer.from([0, 255]).toString('base64'), encoding: 'base64' };
    await ask(socket, { type: 'append', stream: text, ...plain, ...base64 }, 'appended');
    socket.socket.send(binary({ type: 'append', id: 'c', stream: text, ...plain }, Buffer.from([1, 2])));
    expect(await socket.answer('c')).toMatchObject({ type: 'appended' });
    const wanted = Buffer.from([0xc3, 0xa4, 13, 10, 0, 255, 1, 2]);
    expect((await read(text)).bytes).toEqual(wanted);
  });

  it('P-294 has a writer whose repetitions add nothing, in the same order as over HTTP', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    await ask(socket, { type: 'create', stream }, 'created');
    const message = (epoch: number, sequence: number) => ({
      ...{ type: 'append', stream, messages: [`${epoch}.${sequence}`] },
      writer: { id: 'w', epoch, sequence },
    });
    const post = (epoch: number, sequence: number) =>
      http(
        stream,
        'POST',
        { 'producer-id': 'w', 'producer-epoch': String(epoch), 'producer-seq': String(sequence) },
        `["${epoch}.${sequence}"]`,
      );
    const first = await ask(socket, message(0, 0), 'appended');
    expect(first).toMatchObject({ sequence: 0 });
    expect((await post(0, 0)).status).toBe(204);
    expect((await post(0, 1)).status).toBe(200);
    const again = await ask(socket, message(0, 0), 'appended');
    expect(again).toMatchObject({ repeated: true, sequence: 1 });
    const gap = await ask(socket, message(0, 3), 'problem');
    expect(gap.problem).toMatchObject({ code: 'conflict', expected: 2, received: 3 });
    await ask(socket, message(1, 0), 'appended');
    expect((await ask(socket, message(0, 2), 'problem')).problem).toMatchObject({ code: 'fenced', epoch: 1 });
    expect((await post(0, 2)).status).toBe(403);
    expect((await read(stream)).messages).toEqual(['0.0', '0.1', '1.0']);
  });

  it('P-295 closes with its last message, and closing is for good and the same again', async () => {
    using socket = await openSocket(server);
    const [one, two] = [fresh(), fresh()];
    for (const stream of [one, two]) await ask(socket, { type: 'create', stream }, 'created');
    const writer = { id: 'w', epoch: 0, sequence: 0 };
    const last = { type: 'append', stream: one, messages: ['end'], close: true, writer };
    const closed = await ask(socket, last, 'appended');
    expect(closed).toMatchObject({ closed: true });
    expect(await ask(socket, last, 'appended')).toMatchObject({ repeated: true, closed: true });
    const late = await ask(socket, { type: 'append', stream: one, messages: [1] }, 'problem');
    expect(late.problem).toMatchObject({ code: 'stream-closed', latest: closed.position });
    for (const _ of [1, 2]) {
      expect(await ask(socket, { type: 'close', stream: one }, 'closed')).toMatchObject({
        position: closed.position,
      });
    }
    const other = { id: 'other', epoch: 0, sequence: 0 };
    expect(await refused(socket, { type: 'close', stream: one, writer: other })).toBe('stream-closed');
    await ask(socket, { type: 'close', stream: two, writer }, 'closed');
    await ask(socket, { type: 'close', stream: two, writer }, 'closed');
    expect((await http(two, 'HEAD')).headers['stream-closed']).toBe('true');
    expect(await read(one)).toMatchObject({ messages: ['end'], end: { reason: 'finished' } });
  });

  it('P-296 appends only what comes behind, by position and by ordinal', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    const { position } = await ask(socket, { type: 'create', stream }, 'created');
    await ask(socket, { type: 'append', stream, messages: [1], expected: position }, 'appended');
    expect(await refused(socket, { type: 'append', stream, messages: [2], expected: position })).toBe(
      'precondition-failed',
    );
    await ask(socket, { type: 'append', stream, messages: [2], ordinal: 'b' }, 'appended');
    expect((await http(stream, 'POST', { 'stream-seq': 'a' }, '[3]')).status).toBe(409);
    expect(await refused(socket, { type: 'append', stream, messages: [3], ordinal: 'b' })).toBe('conflict');
    expect((await read(stream)).messages).toEqual([1, 2]);
  });

  it('P-302 is applied in the order in which it was sent, whatever form it comes in', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    await ask(socket, { type: 'create', stream }, 'created');
    const type = { content_type: 'application/json' };
    for (let i = 0; i < 200; i += 4) {
      socket.send({ type: 'append', stream, messages: [i] });
      socket.socket.send(binary({ type: 'append', stream, ...type }, Buffer.from(`[${i + 1}]`)));
      socket.send({ type: 'append', stream, events: [{ type: 'message', data: i + 2 }] });
      socket.send({ type: 'append', id: `a${i}`, stream, ...type, data: String(i + 3) });
    }
    await socket.answer('a196');
    expect((await read(stream)).messages).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('P-293 P-290 is refused what the stream does not hold, or what is no message', async () => {
    using socket = await openSocket(server);
    const [json, text] = [fresh(), fresh()];
    await ask(socket, { type: 'create', stream: json }, 'created');
    await ask(socket, { type: 'create', stream: text, content_type: 'text/plain' }, 'created');
    const append = { type: 'append' };
    const cases: [Record<string, unknown>, string][] = [
      [{ stream: json, messages: [] }, 'invalid-request'],
      [{ stream: json, content_type: 'application/json', data: '[1,' }, 'invalid-json'],
      [{ stream: json, content_type: 'text/plain', data: 'x' }, 'conflict'],
      [{ stream: text, messages: [1] }, 'conflict'],
      [{ stream: text, events: [{ type: 'n', data: 1 }] }, 'conflict'],
      [{ stream: json }, 'invalid-request'],
      [{ stream: json, messages: [1], events: [] }, 'invalid-request'],
      [{ stream: json, messages: [1], data: '2' }, 'invalid-request'],
      [{ stream: fresh(), messages: [1] }, 'stream-not-found'],
    ];
    for (const [message, code] of cases) {
      expect([message, await refused(socket, { ...append, ...message })]).toEqual([message, code]);
    }
    for (const frame of [[], [0], [0, 9, 1], [0, 1, 0xff], [0, 2, 0x7b, 0x7d]]) {
      socket.socket.send(new Uint8Array(frame));
    }
    socket.socket.send(binary({ type: 'subscribe', stream: json }, Buffer.from('x')));
    await until(
      () => socket.messages.filter((m) => m.type === 'problem' && m.id === undefined).length === 6,
      'six problems',
    );
    expect((await read(json)).messages).toEqual([]);
  });
});

describe('head, read and delete', () => {
  it('P-297 head says what HEAD says', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    await http(stream, 'PUT', { 'content-type': 'text/plain', 'stream-ttl': '77' }, 'abc');
    const { headers } = await http(stream, 'HEAD');
    expect(await ask(socket, { type: 'head', stream }, 'head')).toMatchObject({
      content_type: headers['content-type'],
      position: headers['stream-next-offset'],
      closed: false,
      ttl_seconds: 77,
    });
    expect(await refused(socket, { type: 'head', stream: fresh() })).toBe('stream-not-found');
  });

  it('P-298 read gives what follows an offset, whichever face gave it, and ends', async () => {
    const stream = fresh();
    await http(stream, 'PUT', { 'content-type': 'application/json' }, '[1,2]');
    const middle = String((await http(stream, 'POST', {}, '[3]')).headers['stream-next-offset']);
    await http(stream, 'POST', {}, '[4,{"a":"\u2028"}]');
    for (const [after, wanted] of [
      [undefined, [1, 2, 3, 4, { a: '\u2028' }]],
      ['-1', [1, 2, 3, 4, { a: '\u2028' }]],
      ['start', [1, 2, 3, 4, { a: '\u2028' }]],
      [middle, [4, { a: '\u2028' }]],
      ['now', []],
      ['live', []],
    ] as const) {
      const { reading, messages, end, positions } = await read(stream, after === undefined ? {} : { after });
      expect([after, messages, end.reason]).toEqual([after, wanted, 'caught-up']);
      expect(reading.content_type).toBe('application/json');
      expect(reading.up_to_date).toBe(wanted.length === 0 ? true : undefined);
      const next = positions.at(-1) ?? reading.position;
      expect(next).toBe((await http(stream, 'HEAD')).headers['stream-next-offset']);
    }
  });

  it('P-8 a subscription takes -1 and now as well', async () => {
    const stream = fresh();
    await http(stream, 'PUT', { 'content-type': 'application/json' }, '[1]');
    for (const [after, wanted] of [
      ['-1', [1, 2]],
      ['now', [2, 3]],
    ] as const) {
      using socket = await openSocket(server);
      await ask(socket, { type: 'subscribe', stream, after }, 'subscribed');
      await http(stream, 'POST', {}, String(wanted[1]));
      const events = await socket.events(stream, after === 'now' ? 1 : 2);
      expect(events.map(({ data }) => data)).toEqual(after === 'now' ? [3] : wanted);
    }
  });

  it('P-299 a live read goes on with what comes, until the stream is closed', async () => {
    const stream = fresh();
    await http(stream, 'PUT', { 'content-type': 'application/octet-stream' }, 'a');
    using socket = await openSocket(server);
    await ask(socket, { type: 'read', stream, live: true }, 'reading');
    await until(() => socket.binary.length === 1, 'the first bytes');
    expect(headOf(socket.binary[0] ?? Buffer.alloc(0)).head).toMatchObject({
      type: 'data',
      stream,
      up_to_date: true,
    });
    const type = { 'content-type': 'application/octet-stream' };
    await http(stream, 'POST', type, 'b');
    await http(stream, 'POST', { ...type, 'stream-closed': 'true' }, 'c');
    expect(await socket.next('end')).toMatchObject({ stream, reason: 'finished' });
    expect(Buffer.concat(socket.binary.map((frame) => headOf(frame).body)).toString()).toBe('abc');
    const again = await read(stream, { live: true, after: 'now' });
    expect([again.bytes.length, again.end.reason]).toEqual([0, 'finished']);
  });

  it('P-299 one read or subscription per stream; unsubscribe ends it, and another may begin', async () => {
    const stream = fresh();
    await http(stream, 'PUT', { 'content-type': 'application/json' });
    using socket = await openSocket(server);
    await ask(socket, { type: 'read', stream, live: true }, 'reading');
    expect(await refused(socket, { type: 'read', stream })).toBe('conflict');
    expect(await refused(socket, { type: 'subscribe', stream })).toBe('conflict');
    await ask(socket, { type: 'unsubscribe', stream }, 'unsubscribed');
    await http(stream, 'POST', {}, '[1]');
    await ask(socket, { type: 'read', stream, live: true }, 'reading');
    expect((await socket.next('data')).messages).toEqual([1]);
    await ask(socket, { type: 'delete', stream }, 'deleted');
    expect(await socket.next('end')).toMatchObject({ reason: 'deleted' });
    expect(await refused(socket, { type: 'read', stream })).toBe('stream-not-found');
  });

  it('P-300 a place that is not retained is told, with where to go on', async () => {
    using socket = await openSocket(server);
    const stream = fresh();
    const old = (await ask(socket, { type: 'create', stream, messages: [1] }, 'created')).position;
    await ask(socket, { type: 'delete', stream }, 'deleted');
    await ask(socket, { type: 'create', stream, messages: ['new'] }, 'created');
    const { problem } = await ask(socket, { type: 'read', stream, after: old }, 'problem');
    expect(problem.code).toBe('position-lost');
    expect((await read(stream, { after: problem['resume'] as string })).messages).toEqual(['new']);
    expect(await refused(socket, { type: 'read', stream, after: 'nonsense' })).toBe('invalid-position');
  });

  it('P-292 P-304 what was forked outlives its source, whose name stays taken', async () => {
    using socket = await openSocket(server);
    const [source, fork] = [fresh(), fresh()];
    await ask(socket, { type: 'create', stream: source, messages: [1] }, 'created');
    await ask(socket, { type: 'create', stream: fork, forked_from: source }, 'created');
    await ask(socket, { type: 'delete', stream: source }, 'deleted');
    expect(await refused(socket, { type: 'head', stream: source })).toBe('stream-gone');
    expect(await refused(socket, { type: 'read', stream: source })).toBe('stream-gone');
    expect(await refused(socket, { type: 'append', stream: source, messages: [1] })).toBe('stream-gone');
    expect(await refused(socket, { type: 'create', stream: source })).toBe('conflict');
    expect((await read(fork)).messages).toEqual([1]);
  });

  it('P-298 events of a producer are read as the HTTP protocol shows them', async () => {
    const id = await start(server, 'echo hello');
    await readAll(server, id);
    const { messages, end } = await read(`commands/${id}`);
    expect(messages).toEqual((await http(`commands/${id}`, 'GET')).json());
    expect(end.reason).toBe('finished');
  });

  it('P-301 a reader that takes nothing for a while slows nobody, and gets everything once it does', async () => {
    const stream = fresh();
    const type = { 'content-type': 'application/octet-stream' };
    await http(stream, 'PUT', type);
    const stalled = await rawReader(stream);
    const body = 'x'.repeat(500_000);
    for (let i = 0; i < 40; i++) await http(stream, 'POST', type, body);
    expect((await read(stream)).bytes.length).toBe(20_000_000);
    await http(stream, 'POST', { ...type, 'stream-closed': 'true' });
    expect(await stalled.rest()).toBe(20_000_000);
  });

  it('P-305 P-60 nothing of it is there for another tenant, or without the scope', async () => {
    using own = await openSocket(server);
    const stream = fresh();
    await ask(own, { type: 'create', stream, messages: [1] }, 'created');
    const foreign = await makeKey(server, { scopes: ['streams:read', 'streams:write'], tenant: 'elsewhere' });
    using socket = await openSocket(server, foreign);
    for (const message of [
      { type: 'head' },
      { type: 'read' },
      { type: 'close' },
      { type: 'append', messages: [1] },
    ]) {
      expect(await refused(socket, { ...message, stream })).toBe('stream-not-found');
    }
    expect(await refused(socket, { type: 'create', stream: fresh(), forked_from: stream })).toBe(
      'stream-not-found',
    );
    const reader = await makeKey(server, { scopes: ['streams:read'] });
    using reading = await openSocket(server, reader);
    await ask(reading, { type: 'head', stream }, 'head');
    for (const message of [{ type: 'create' }, { type: 'close' }, { type: 'append', messages: [1] }]) {
      expect(await refused(reading, { ...message, stream })).toBe('forbidden');
    }
    const neither = await makeKey(server, { scopes: ['projects:read'] });
    using stranger = await openSocket(server, neither);
    for (const type of ['head', 'read']) expect(await refused(stranger, { type, stream })).toBe('forbidden');
  });
});
