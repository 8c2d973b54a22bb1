import { describe, expect, test } from 'vitest';
import { durable, JSON_TYPE, makeDurable, offsetOf, producer } from '../durable.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { openSocket, type SocketClient } from '../socket.ts';
import { freshName, lostPosition, makeStream } from '../streams.ts';
import { until } from '../within.ts';

const TTL = { ttl_seconds: 3600 };

async function create(socket: SocketClient, more: Record<string, unknown> = {}): Promise<string> {
  const stream = freshName();
  await socket.ask({ type: 'create', stream, ...TTL, ...more }, 'created');
  return stream;
}

/** A frame of bytes: the length of the head, the head, the body. */
function binary(head: Record<string, unknown>, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, text, body]);
}

interface Read {
  readonly reading: { readonly content_type: string; readonly position: string; readonly up_to_date?: true };
  readonly messages: readonly unknown[];
  readonly bytes: Buffer;
  readonly reason: string;
  /** Where to go on. */
  readonly next: string;
}

/** Reads on a socket of its own, to the end. */
async function read(stream: string, more: Record<string, unknown> = {}): Promise<Read> {
  using socket = await openSocket();
  const reading = await socket.ask({ type: 'read', stream, ...more }, 'reading');
  const { reason } = await socket.next('end');
  const data = socket.messages.filter((message) => message.type === 'data');
  const pieces = socket.binary.map((frame) => {
    const begin = 2 + frame.readUInt16BE(0);
    const head = JSON.parse(frame.toString('utf8', 2, begin)) as { stream: string; position: string };
    expect(head.stream).toBe(stream);
    return { position: head.position, body: frame.subarray(begin) };
  });
  return {
    ...{ reading, reason, messages: data.flatMap(({ messages }) => messages) },
    bytes: Buffer.concat(pieces.map(({ body }) => body)),
    next: [...data, ...pieces].at(-1)?.position ?? reading.position,
  };
}

describe('15 Durable Streams over WebSocket', () => {
  test('P-290 messages come in text frames, or with a body in binary ones; what is neither is a problem', async () => {
    using socket = await openSocket();
    const stream = freshName();
    const head = { type: 'create', id: 'c', stream, content_type: 'text/plain', ...TTL };
    socket.send(binary(head, Buffer.from('first')));
    expect(await socket.next('created')).toMatchObject({ id: 'c', stream, existed: false });
    for (const wrong of [
      Buffer.from([0]),
      Buffer.from([0, 9, 1]),
      binary({ type: 'head', stream }, Buffer.alloc(1)),
    ]) {
      socket.send(wrong);
    }
    await socket.when(
      () => (socket.messages.filter(({ type }) => type === 'problem').length === 3 ? true : undefined),
      'three problems',
    );
    expect((await socket.refused({ type: 'head', stream, colour: 1 })).code).toBe('invalid-request');
    expect((await read(stream)).bytes.toString()).toBe('first');
  });

  test('P-291 create makes a stream, or finds one that was made just so', async () => {
    using socket = await openSocket();
    const stream = freshName();
    const message = { type: 'create', stream, content_type: 'text/plain', closed: true, data: 'all', ...TTL };
    const made = await socket.ask(message, 'created');
    expect(made).toMatchObject({ existed: false, content_type: 'text/plain', closed: true });
    expect(await socket.ask(message, 'created')).toMatchObject({ existed: true, position: made.position });
    expect((await socket.refused({ ...message, closed: false })).code).toBe('conflict');
    expect((await socket.refused({ ...message, content_type: 'text/css' })).code).toBe('conflict');
    expect((await socket.refused({ ...message, ttl_seconds: 60 })).code).toBe('conflict');
    const put = { 'content-type': 'text/plain', 'stream-ttl': '3600', 'stream-closed': 'true' };
    expect((await durable(stream, 'PUT', put)).status).toBe(200);
    const plain = await socket.ask({ type: 'create', stream: freshName(), ...TTL }, 'created');
    expect(plain.content_type).toBe('application/json');
  });

  test('P-292 create forks', async () => {
    using socket = await openSocket();
    const source = await create(socket, { messages: [1] });
    const { position } = await socket.ask({ type: 'head', stream: source }, 'head');
    await socket.ask({ type: 'append', stream: source, messages: [2, 3] }, 'appended');
    const whole = await create(socket, { forked_from: source });
    const part = await create(socket, { forked_from: source, fork_offset: position, fork_sub_offset: 1 });
    await socket.ask({ type: 'delete', stream: source }, 'deleted');
    expect((await read(whole)).messages).toEqual([1, 2, 3]);
    expect((await read(part)).messages).toEqual([1, 2]);
    expect((await socket.refused({ type: 'head', stream: source })).code).toBe('stream-gone');
  });

  test('P-293 content is values, text, or a body as over HTTP', async () => {
    using socket = await openSocket();
    const stream = await create(socket);
    const type = { content_type: 'application/json' };
    await socket.ask({ type: 'append', stream, messages: [1, [2]] }, 'appended');
    await socket.ask({ type: 'append', stream, ...type, data: '[12345678901234567890,[3]]' }, 'appended');
    const base64 = { data: Buffer.from('"ä"').toString('base64'), encoding: 'base64' };
    await socket.ask({ type: 'append', stream, ...type, ...base64 }, 'appended');
    socket.send(binary({ type: 'append', id: 'b', stream, ...type }, Buffer.from('{"a" :1}')));
    await socket.next('appended', ({ id }) => id === 'b');
    expect((await durable(stream, 'GET')).text).toBe('[1,[2],12345678901234567890,[3],"ä",{"a" :1}]');
    const text = { type: 'append', stream, content_type: 'text/plain', data: 'x' };
    expect((await socket.refused(text)).code).toBe('conflict');
    expect((await socket.refused({ ...text, ...type })).code).toBe('invalid-json');
    expect((await socket.refused({ type: 'append', stream, messages: [] })).code).toBe('invalid-request');
  });

  test('P-294 a writer is the producer of HTTP, whichever way its appends come', async () => {
    using socket = await openSocket();
    const stream = await create(socket);
    const message = (epoch: number, sequence: number) => ({
      ...{ type: 'append', stream, messages: [sequence] },
      writer: { id: 'w', epoch, sequence },
    });
    const post = (epoch: number, sequence: number) =>
      durable(stream, 'POST', { ...JSON_TYPE, ...producer('w', epoch, sequence) }, `[${sequence}]`);
    const first = await socket.ask(message(0, 0), 'appended');
    expect((await post(0, 0)).status).toBe(204);
    expect((await post(0, 1)).status).toBe(200);
    const again = await socket.ask(message(0, 0), 'appended');
    expect(again).toMatchObject({ position: first.position, repeated: true, sequence: 1 });
    expect(await socket.refused(message(0, 5))).toMatchObject({ code: 'conflict', expected: 2, received: 5 });
    expect((await post(3, 0)).status).toBe(200);
    expect(await socket.refused(message(0, 2))).toMatchObject({ code: 'fenced', epoch: 3 });
    expect((await read(stream)).messages).toEqual([0, 1, 0]);
  });

  test('P-295 a stream is closed for good, and closing it again is the same', async () => {
    using socket = await openSocket();
    const stream = await create(socket);
    const last = await socket.ask({ type: 'append', stream, messages: ['last'], close: true }, 'appended');
    expect(last.closed).toBe(true);
    expect(await socket.ask({ type: 'close', stream }, 'closed')).toMatchObject({ position: last.position });
    const late = await socket.refused({ type: 'append', stream, messages: [1] });
    expect(late).toMatchObject({ code: 'stream-closed', latest: last.position });
    const writer = { id: 'w', epoch: 0, sequence: 0 };
    expect((await socket.refused({ type: 'close', stream, writer })).code).toBe('stream-closed');
    expect((await durable(stream, 'HEAD')).headers['stream-closed']).toBe('true');
  });

  test('P-296 an append may say what it comes behind', async () => {
    using socket = await openSocket();
    const stream = await create(socket);
    const { position } = await socket.ask({ type: 'head', stream }, 'head');
    const append = { type: 'append', stream, messages: [1] };
    await socket.ask({ ...append, expected: position }, 'appended');
    expect((await socket.refused({ ...append, expected: position })).code).toBe('precondition-failed');
    await socket.ask({ ...append, ordinal: 'b' }, 'appended');
    expect((await socket.refused({ ...append, ordinal: 'a' })).code).toBe('conflict');
    expect((await durable(stream, 'POST', { ...JSON_TYPE, 'stream-seq': 'b' }, '[1]')).status).toBe(409);
  });

  test('P-297 head says what HEAD says', async () => {
    const stream = await makeDurable('text/plain', 'abc');
    const { headers } = await durable(stream, 'HEAD');
    using socket = await openSocket();
    expect(await socket.ask({ type: 'head', stream }, 'head')).toMatchObject({
      ...{ content_type: headers['content-type'], position: headers['stream-next-offset'] },
      ...{ closed: false, ttl_seconds: Number(headers['stream-ttl']) },
    });
  });

  test('P-298 a read is reading, then its content in order, of JSON as text and of anything else as bytes', async () => {
    const stream = await makeDurable('application/json', '[1,2]');
    const middle = offsetOf(await durable(stream, 'POST', JSON_TYPE, '[3]'));
    const end = offsetOf(await durable(stream, 'POST', JSON_TYPE, '[4]'));
    for (const [after, wanted] of [
      [undefined, [1, 2, 3, 4]],
      ['-1', [1, 2, 3, 4]],
      [middle, [4]],
      ['now', []],
    ] as const) {
      const found = await read(stream, after === undefined ? {} : { after });
      expect([after, found.messages, found.next]).toEqual([after, wanted, end]);
      expect(found.reading.content_type).toBe('application/json');
      expect(found.reading.up_to_date).toBe(after === 'now' ? true : undefined);
    }
    const bytes = await makeDurable('application/octet-stream', '\u0000ä');
    expect((await read(bytes)).bytes).toEqual(Buffer.from('\u0000ä'));
  });

  test('P-299 a read ends where nothing follows, a live one where nothing will', async () => {
    const stream = await makeDurable('application/json', '[1]');
    expect((await read(stream)).reason).toBe('caught-up');
    using socket = await openSocket();
    await socket.ask({ type: 'read', stream, live: true }, 'reading');
    expect((await socket.refused({ type: 'read', stream })).code).toBe('conflict');
    expect((await socket.refused({ type: 'subscribe', stream })).code).toBe('conflict');
    await durable(stream, 'POST', { ...JSON_TYPE, 'stream-closed': 'true' }, '[2]');
    expect(await socket.next('end')).toMatchObject({ stream, reason: 'finished' });
    const data = socket.messages.filter((message) => message.type === 'data');
    expect(data.flatMap(({ messages }) => messages)).toEqual([1, 2]);
    const deleted = await makeDurable();
    await socket.ask({ type: 'read', stream: deleted, live: true }, 'reading');
    await socket.ask({ type: 'unsubscribe', stream: deleted }, 'unsubscribed');
    await socket.ask({ type: 'read', stream: deleted, live: true }, 'reading');
    await durable(deleted, 'DELETE');
    expect(await socket.next('end', (end) => end.stream === deleted)).toMatchObject({ reason: 'deleted' });
  });

  test('P-300 a place that is not retained is told', async () => {
    const stream = await makeStream();
    const after = await lostPosition(stream);
    using socket = await openSocket();
    const problem = await socket.refused({ type: 'read', stream, after });
    expect(problem.code).toBe('position-lost');
    expect((await read(stream, { after: problem['resume'] })).reason).toBe('caught-up');
    expect((await socket.refused({ type: 'read', stream, after: 'x' })).code).toBe('invalid-position');
  });

  test('P-302 appends are applied in the order in which they were sent, whatever form they come in', async () => {
    using socket = await openSocket();
    const stream = await create(socket);
    const type = { content_type: 'application/json' };
    for (let i = 0; i < 90; i += 3) {
      socket.send({ type: 'append', stream, messages: [i] });
      socket.send(binary({ type: 'append', stream, ...type }, Buffer.from(`[${i + 1}]`)));
      socket.send({ type: 'append', id: `a${i}`, stream, events: [{ type: 'message', data: i + 2 }] });
    }
    await socket.next('appended', ({ id }) => id === 'a87');
    expect((await read(stream)).messages).toEqual(Array.from({ length: 90 }, (_, i) => i));
  });

  test('P-303 what one socket began another goes on with, or HTTP', async () => {
    const stream = await makeDurable('application/json', '[1]');
    const first = await openSocket();
    await first.ask({ type: 'read', stream, live: true }, 'reading');
    const { position } = await first.next('data');
    const writer = { id: 'w', epoch: 0, sequence: 0 };
    const append = { type: 'append', stream, messages: [2], writer };
    first.send(append);
    first[Symbol.dispose]();
    using second = await openSocket();
    await second.ask(append, 'appended');
    expect((await read(stream, { after: position })).messages).toEqual([2]);
    expect((await durable(`${stream}?offset=${position}`, 'GET')).json()).toEqual([2]);
  });

  test('P-304 what fails is a problem with a code and a status, and the socket goes on', async () => {
    using socket = await openSocket();
    const missing = { stream: freshName() };
    for (const message of [
      { type: 'head' },
      { type: 'read' },
      { type: 'close' },
      { type: 'append', messages: [1] },
    ]) {
      const problem = await socket.refused({ ...message, ...missing });
      expect(problem).toMatchObject({ code: 'stream-not-found', status: 404 });
    }
    expect(await socket.refused({ type: 'create', stream: 'commands/x' })).toMatchObject({ status: 403 });
    await create(socket);
  });

  test('P-305 it needs the scopes, and another tenant has nothing', async () => {
    const stream = await makeDurable();
    const { key } = await makeKey({ scopes: ['streams:read'] });
    using reader = await openSocket(key);
    await reader.ask({ type: 'head', stream }, 'head');
    expect((await reader.refused({ type: 'append', stream, messages: [1] })).code).toBe('forbidden');
    const { key: foreign } = await makeKey({ scopes: ['streams:write'], tenant: freshTenant() });
    using other = await openSocket(foreign);
    for (const type of ['head', 'read', 'close', 'delete']) {
      expect((await other.refused({ type, stream })).code).toBe('stream-not-found');
    }
    const fork = { type: 'create', stream: freshName(), forked_from: stream };
    expect((await other.refused(fork)).code).toBe('stream-not-found');
  });

  test('P-306 a stream that is being read does not run out', async () => {
    using socket = await openSocket();
    const [read, unread] = [freshName(), freshName()];
    for (const stream of [read, unread]) {
      await socket.ask({ type: 'create', stream, ttl_seconds: 4 }, 'created');
    }
    await socket.ask({ type: 'read', stream: read, live: true }, 'reading');
    await until(async () => (await durable(unread, 'HEAD')).status === 404, 'the other stream to run out');
    expect((await durable(read, 'HEAD')).status).toBe(200);
  });
});
