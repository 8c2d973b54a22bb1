import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';

let server: TestServer;
let names = 0;

beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_SOCKET_SUBSCRIPTIONS: '8', PLAYHEAD_BODY_LIMIT: '65536' } });
});
afterAll(() => server.stop());

/** A stream of its own for a test, made over HTTP. */
async function makeStream(): Promise<string> {
  const name = `socket/${names++}`;
  expect((await request(server, `/v1/streams/${name}`, { method: 'PUT' })).status).toBe(201);
  return name;
}

function numbered(from: number, count: number): { type: string; data: number }[] {
  return Array.from({ length: count }, (_, i) => ({ type: 'n', data: from + i }));
}

describe('/v1/socket', () => {
  it('F4 tells the receipt first, replays, and goes on live', async () => {
    const stream = await makeStream();
    using socket = await openSocket(server);
    socket.send({ type: 'append', id: 'a', stream, events: numbered(1, 3) });
    await socket.next('appended');
    socket.send({ type: 'subscribe', id: 's', stream, after: 'start' });
    await socket.events(stream, 3);
    socket.send({ type: 'append', id: 'b', stream, events: numbered(4, 2) });
    const events = await socket.events(stream, 5);
    expect(events.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5]);
    const ofStream = socket.messages.filter(
      (message) => message.type === 'receipt' || message.type === 'events',
    );
    expect(ofStream[0]).toMatchObject({ type: 'receipt', stream, requested: null, missed: 0, gap: false });
    expect(await socket.next('subscribed')).toMatchObject({ id: 's', stream });
  });

  it('carries many subscriptions, each with a cursor and a delivery of its own', async () => {
    const [one, two] = [await makeStream(), await makeStream()];
    using socket = await openSocket(server);
    socket.send({ type: 'append', stream: one, events: numbered(1, 5) });
    socket.send({ type: 'append', stream: two, events: numbered(1, 5) });
    const { position } = await socket.next('appended', (message) => message.stream === one);
    await socket.next('appended', (message) => message.stream === two);
    socket.send({ type: 'subscribe', stream: one, after: position });
    socket.send({ type: 'subscribe', stream: two, delivery: 'latest' });
    expect((await socket.events(two, 1)).map(({ data }) => data)).toEqual([5]);
    socket.send({ type: 'append', stream: one, events: numbered(6, 1) });
    expect((await socket.events(one, 1)).map(({ data }) => data)).toEqual([6]);
    socket.send({ type: 'unsubscribe', id: 'u', stream: one });
    await socket.next('unsubscribed');
    socket.send({ type: 'append', id: 'last', stream: one, events: numbered(7, 1) });
    await socket.next('appended', (message) => message.id === 'last');
    socket.send({ type: 'append', id: 'other', stream: two, events: numbered(6, 1) });
    await socket.events(two, 2);
    expect((await socket.events(one, 1)).length).toBe(1);
  });

  it('L7 answers a repeated writer sequence as before, and fences an older epoch', async () => {
    const stream = await makeStream();
    using socket = await openSocket(server);
    const append = (id: string, epoch: number, sequence: number): void =>
      socket.send({
        type: 'append',
        id,
        stream,
        events: numbered(sequence, 1),
        writer: { id: 'w', epoch, sequence },
      });
    append('first', 1, 0);
    append('again', 1, 0);
    append('gap', 1, 5);
    append('newer', 2, 0);
    append('older', 1, 1);
    const first = await socket.next('appended', ({ id }) => id === 'first');
    const again = await socket.next('appended', ({ id }) => id === 'again');
    expect(again).toMatchObject({ position: first.position, repeated: true });
    expect((await socket.next('problem', ({ id }) => id === 'gap')).problem).toMatchObject({
      code: 'conflict',
    });
    await socket.next('appended', ({ id }) => id === 'newer');
    expect((await socket.next('problem', ({ id }) => id === 'older')).problem).toMatchObject({
      code: 'fenced',
    });
    socket.send({ type: 'append', id: 'at', stream, events: numbered(1, 1), expected: first.position });
    expect((await socket.next('problem', ({ id }) => id === 'at')).problem.code).toBe('precondition-failed');
  });

  it('creates, closes and deletes; the end is told to who watches', async () => {
    const stream = `socket/${names++}`;
    using socket = await openSocket(server);
    socket.send({ type: 'create', id: '1', stream });
    socket.send({ type: 'subscribe', id: '2', stream, after: 'start' });
    expect(await socket.next('created')).toMatchObject({ id: '1', existed: false });
    await socket.next('subscribed');
    socket.send({ type: 'append', id: '3', stream, events: numbered(1, 1), close: true });
    expect(await socket.next('end')).toMatchObject({ stream, reason: 'finished' });
    socket.send({ type: 'append', id: '4', stream, events: numbered(2, 1) });
    expect((await socket.next('problem')).problem).toMatchObject({ code: 'stream-closed', status: 409 });
    socket.send({ type: 'delete', id: '5', stream });
    await socket.next('deleted');
    socket.send({ type: 'subscribe', id: '6', stream });
    expect((await socket.next('problem', ({ id }) => id === '6')).problem.code).toBe('stream-not-found');
  });

  it('survives whatever is wrong with a message, and says what', async () => {
    const stream = await makeStream();
    using socket = await openSocket(server);
    const wrong: [unknown, string][] = [
      ['{', 'invalid-json'],
      ['[]', 'invalid-request'],
      [{ type: 'dance', stream }, 'invalid-request'],
      [{ type: 'subscribe' }, 'invalid-request'],
      [{ type: 'subscribe', stream, after: 'nonsense' }, 'invalid-position'],
      [{ type: 'subscribe', stream, delivery: 'some' }, 'invalid-request'],
      [{ type: 'subscribe', stream: '../etc' }, 'stream-not-found'],
      [{ type: 'subscribe', stream: 'socket/none' }, 'stream-not-found'],
      [{ type: 'subscribe', stream, colour: 'red' }, 'invalid-request'],
      [{ type: 'append', stream, events: [] }, 'invalid-request'],
      [{ type: 'append', stream, events: [{ type: 'a b', data: 1 }] }, 'invalid-request'],
      [{ type: 'append', stream, events: [{ type: 'a' }] }, 'invalid-request'],
      [{ type: 'append', stream: 'commands/x', events: numbered(1, 1) }, 'forbidden'],
      [
        { type: 'append', stream, events: numbered(1, 1), writer: { id: '', epoch: 0, sequence: 0 } },
        'invalid-request',
      ],
      [{ type: 'create', stream, ttl_seconds: -1 }, 'invalid-request'],
    ];
    for (const [message] of wrong) socket.send(message);
    socket.socket.send(new Uint8Array([1, 2, 3]));
    socket.send({ type: 'append', id: 'fine', stream, events: numbered(1, 1) });
    await socket.next('appended', ({ id }) => id === 'fine');
    const codes = (): string[] =>
      socket.messages.flatMap((message) => (message.type === 'problem' ? [message.problem.code] : []));
    // Answers come in any order (P-101): the append's may be here before the last problem.
    await socket.next('problem', () => codes().length > wrong.length);
    expect(codes().toSorted()).toEqual([...wrong.map(([, code]) => code), 'invalid-request'].toSorted());
  });

  it('limits subscriptions, and one per stream', async () => {
    using socket = await openSocket(server);
    const streams = await Promise.all(Array.from({ length: 9 }, makeStream));
    streams.forEach((stream, i) => socket.send({ type: 'subscribe', id: String(i), stream }));
    expect((await socket.next('problem')).problem.code).toBe('overloaded');
    socket.send({ type: 'subscribe', id: 'twice', stream: streams[0] });
    expect((await socket.next('problem', ({ id }) => id === 'twice')).problem.code).toBe('conflict');
  });

  it('closes with 1009 on a message over the limit and 1007 on text that is not UTF-8', async () => {
    using large = await openSocket(server);
    large.send('x'.repeat(65_537));
    expect(await large.closed()).toMatchObject({ code: 1009 });
    const bytes = await rawFrame(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]));
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from([0x88, bytes.length - 2, 0x03, 0xef]));
  });

  it("refuses strangers, and never shows another tenant's stream", async () => {
    await expect(openSocket(server, 'rdev_wrongwrongwrong')).rejects.toThrow('refused');
    const stream = await makeStream();
    const foreign = await makeKey(server, { scopes: ['streams:read', 'streams:write'], tenant: 'other' });
    using socket = await openSocket(server, foreign);
    for (const type of ['subscribe', 'close', 'delete']) socket.send({ type, id: type, stream });
    socket.send({ type: 'append', id: 'append', stream, events: numbered(1, 1) });
    for (const id of ['subscribe', 'close', 'delete', 'append']) {
      expect((await socket.next('problem', (message) => message.id === id)).problem.code).toBe(
        'stream-not-found',
      );
    }
    const reader = await makeKey(server, { scopes: ['streams:read'] });
    using reading = await openSocket(server, reader);
    reading.send({ type: 'append', stream, events: numbered(1, 1) });
    expect((await reading.next('problem')).problem.code).toBe('forbidden');
  });

  it('answers a plain GET with 426', async () => {
    expect((await request(server, '/v1/socket')).status).toBe(426);
  });

  it('F14 tells its readers to come back when the server goes away', async () => {
    await using own = await startServer();
    await request(own, '/v1/streams/socket/drain', { method: 'PUT' });
    using socket = await openSocket(own);
    socket.send({ type: 'subscribe', stream: 'socket/drain' });
    await socket.next('subscribed');
    const stopped = own.kill('SIGTERM');
    expect(await socket.next('end')).toMatchObject({ reason: 'draining' });
    expect(await socket.closed()).toMatchObject({ code: 1012 });
    expect((await stopped).code).toBe(0);
  });
});

/** Sends bytes behind a handshake, and gives what the server sent until it closed. */
function rawFrame(frame: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1');
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', reject);
    socket.on('close', () => {
      const all = Buffer.concat(pieces);
      resolve(all.subarray(all.indexOf('\r\n\r\n') + 4));
    });
    socket.write(
      `GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${server.key}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    socket.once('data', () => socket.write(frame));
  });
}
