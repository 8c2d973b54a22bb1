import { describe, expect, test } from 'vitest';
import { ask } from '../ask.ts';
import { startCommand } from '../commands.ts';
import { makeKey } from '../keys.ts';
import { clientFrame, openRawSocket } from '../raw-socket.ts';
import { openSocket } from '../socket.ts';
import { append, datas, freshName, lostPosition, makeStream, readPage } from '../streams.ts';

const event = (data: unknown): { type: string; data: unknown } => ({ type: 'n', data });

describe('9 WebSocket', () => {
  test('P-101 messages are JSON in text frames, and an answer carries the id', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    socket.send({ type: 'append', id: 'x'.repeat(128), stream, events: [event(1)] });
    expect(await socket.next('appended')).toMatchObject({ id: 'x'.repeat(128), stream });
    socket.send({ type: 'unsubscribe', stream });
    expect(await socket.next('unsubscribed')).toEqual({ type: 'unsubscribed', stream });
    socket.send({ type: 'unsubscribe', id: 'x'.repeat(129), stream });
    expect((await socket.next('problem')).problem.code).toBe('invalid-request');
    expect((await ask('/v1/socket')).status).toBe(426);
  });

  test('P-102 what is no message is answered with a problem', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    const wrong = [
      '{',
      '[]',
      '7',
      { type: 'dance', stream },
      { type: 'close', stream, colour: 1 },
      { type: 'close' },
    ];
    for (const message of wrong) socket.send(message);
    await socket.when(
      () => (socket.messages.length >= wrong.length ? true : undefined),
      `${wrong.length} answers`,
    );
    for (const message of socket.messages) {
      expect(message).toMatchObject({
        type: 'problem',
        problem: { code: expect.toBeOneOf(['invalid-json', 'invalid-request']) as string },
      });
    }
  });

  test('P-103 a subscription begins where it is told, once per stream', async () => {
    const stream = await makeStream();
    const first = await append(stream, 1);
    await append(stream, 2);
    for (const [after, wanted] of [
      ['start', [1, 2]],
      [first, [2]],
    ] as const) {
      using socket = await openSocket();
      await socket.ask({ type: 'subscribe', stream, after }, 'subscribed');
      expect(datas(await socket.events(stream, wanted.length))).toEqual(wanted);
      expect((await socket.refused({ type: 'subscribe', stream })).code).toBe('conflict');
    }
    using socket = await openSocket();
    await socket.ask({ type: 'subscribe', stream }, 'subscribed');
    await append(stream, 3);
    expect(datas(await socket.events(stream, 1))).toEqual([3]);
    expect((await socket.refused({ type: 'subscribe', stream: freshName() })).code).toBe('stream-not-found');
    const other = await makeStream();
    const malformed = { type: 'subscribe', stream: other, after: 'nonsense' };
    expect((await socket.refused(malformed)).code).toBe('invalid-position');
  });

  test('P-104 its receipt comes before its events', async () => {
    const stream = await makeStream();
    const latest = await append(stream, 1);
    using socket = await openSocket();
    socket.send({ type: 'subscribe', id: 's', stream, after: 'start' });
    await socket.events(stream, 1);
    await socket.next('subscribed', ({ id }) => id === 's');
    const about = socket.messages.filter(({ type }) => type === 'receipt' || type === 'events');
    expect(about.map(({ type }) => type)).toEqual(['receipt', 'events']);
    expect(about[0]).toMatchObject({ stream, requested: null, latest, missed: 0, gap: false });
    using again = await openSocket();
    again.send({ type: 'subscribe', stream, after: await lostPosition(stream) });
    expect(await again.next('receipt')).toMatchObject({ gap: true });
  });

  test('P-105 events come in order, whole', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    await socket.ask({ type: 'subscribe', stream }, 'subscribed');
    for (let i = 0; i < 50; i++)
      socket.send({ type: 'append', stream, events: [event(2 * i), event(2 * i + 1)] });
    const events = await socket.events(stream, 100);
    expect(datas(events)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(events.map(({ position }) => position)).toEqual(
      (await readPage(stream)).events.map((e) => e.position),
    );
    expect(Object.keys(events[0] ?? {}).toSorted()).toEqual(['data', 'position', 'time', 'type']);
  });

  test('P-106 an event of bytes is a binary frame with a head', async () => {
    const id = await startCommand('printf "\\377\\000bytes"', { pty: true });
    const stream = `commands/${id}/pty`;
    using socket = await openSocket();
    await socket.ask({ type: 'subscribe', stream, after: 'start' }, 'subscribed');
    await socket.next('end');
    const pieces = socket.binary.map((frame) => {
      const begin = 2 + frame.readUInt16BE(0);
      const head = JSON.parse(frame.toString('utf8', 2, begin)) as Record<string, unknown>;
      expect(Object.keys(head)).toEqual(['stream', 'position', 'type', 'time']);
      expect(head).toMatchObject({ stream, type: 'output' });
      return frame.subarray(begin);
    });
    expect(Buffer.concat(pieces)).toEqual(Buffer.from('\xff\0bytes', 'latin1'));
  });

  test('P-107 end is the last message of a subscription, and says why', async () => {
    const [closed, deleted] = [await makeStream(), await makeStream()];
    using socket = await openSocket();
    for (const stream of [closed, deleted]) {
      await socket.ask({ type: 'subscribe', stream, after: 'start' }, 'subscribed');
    }
    await socket.ask({ type: 'append', stream: closed, events: [event(1)], close: true }, 'appended');
    expect(await socket.next('end', ({ stream }) => stream === closed)).toMatchObject({ reason: 'finished' });
    await socket.ask({ type: 'delete', stream: deleted }, 'deleted');
    expect(await socket.next('end', ({ stream }) => stream === deleted)).toMatchObject({ reason: 'deleted' });
    const about = socket.messages.filter((message) => 'stream' in message && message.stream === closed);
    expect(about.filter(({ type }) => type === 'events' || type === 'end').map(({ type }) => type)).toEqual([
      'events',
      'end',
    ]);
  });

  test('P-108 every leaves nothing out, latest shows the newest', async () => {
    const stream = await makeStream();
    for (let i = 0; i < 5; i++) await append(stream, ...Array.from({ length: 200 }, (_, at) => i * 200 + at));
    using every = await openSocket();
    await every.ask({ type: 'subscribe', stream, after: 'start', delivery: 'every' }, 'subscribed');
    expect(datas(await every.events(stream, 1000))).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    using latest = await openSocket();
    await latest.ask({ type: 'subscribe', stream, after: 'start', delivery: 'latest' }, 'subscribed');
    expect(datas(await latest.events(stream, 1))).toEqual([999]);
  });

  test('P-109 unsubscribe ends a subscription, also one that is not there', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    await socket.ask({ type: 'unsubscribe', stream }, 'unsubscribed');
    await socket.ask({ type: 'subscribe', stream }, 'subscribed');
    await socket.ask({ type: 'unsubscribe', stream }, 'unsubscribed');
    await append(stream, 1);
    await socket.ask({ type: 'subscribe', stream, after: 'start' }, 'subscribed');
    expect(datas(await socket.events(stream, 1))).toEqual([1]);
  });

  test('P-110 streams are created, closed and deleted', async () => {
    const stream = freshName();
    using socket = await openSocket();
    const create = { type: 'create', stream, ttl_seconds: 3600 };
    const created = await socket.ask(create, 'created');
    expect(created).toMatchObject({ existed: false, position: expect.any(String) as string });
    expect(await socket.ask(create, 'created')).toMatchObject({ existed: true, position: created.position });
    await socket.ask({ type: 'close', stream }, 'closed');
    expect((await readPage(stream)).closed).toBe(true);
    await socket.ask({ type: 'delete', stream }, 'deleted');
    expect((await socket.refused({ type: 'close', stream })).code).toBe('stream-not-found');
  });

  test('P-111 an append is whole, answered when it is committed, and in order', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    for (let i = 0; i < 200; i++) socket.send({ type: 'append', id: String(i), stream, events: [event(i)] });
    const last = await socket.next('appended', ({ id }) => id === '199');
    const { events, latest } = await readPage(stream, '?limit=1000');
    expect([datas(events), latest]).toEqual([Array.from({ length: 200 }, (_, i) => i), last.position]);
    const half = { type: 'append', stream, events: [event(1), { type: 'n' }] };
    expect((await socket.refused(half)).code).toBe('invalid-request');
    expect((await socket.refused({ type: 'append', stream, events: [] })).code).toBe('invalid-request');
    expect((await readPage(stream)).latest).toBe(last.position);
  });

  test('P-112 a writer is idempotent, fenced by a newer epoch, and told of a gap', async () => {
    const stream = await makeStream();
    using socket = await openSocket();
    const message = (epoch: number, sequence: number) => ({
      type: 'append',
      stream,
      events: [event([epoch, sequence])],
      writer: { id: 'w', epoch, sequence },
    });
    const { position } = await socket.ask(message(1, 0), 'appended');
    expect(await socket.ask(message(1, 0), 'appended')).toMatchObject({ position, repeated: true });
    expect((await socket.refused(message(1, 2))).code).toBe('conflict');
    await socket.ask(message(2, 0), 'appended');
    expect((await socket.refused(message(1, 1))).code).toBe('fenced');
    const { writer: _, ...late } = { ...message(2, 1), expected: position };
    expect((await socket.refused(late)).code).toBe('precondition-failed');
    expect(datas((await readPage(stream)).events)).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test('P-113 what fails is answered, and the socket goes on', async () => {
    const stream = await makeStream();
    const { key } = await makeKey({ scopes: ['streams:read'] });
    using socket = await openSocket(key);
    expect(await socket.ask({ type: 'append', stream, events: [event(1)] }, 'problem')).toMatchObject({
      stream,
      problem: { type: 'urn:playhead:error:forbidden', code: 'forbidden', status: 403 },
    });
    await socket.ask({ type: 'subscribe', stream }, 'subscribed');
  });

  test('P-114 a violation closes the socket with its code', async () => {
    const cases = [
      // A frame that is not masked, a reserved bit, text that is no UTF-8.
      [Buffer.from([0x81, 0x01, 0x7b]), 1002],
      [Buffer.from([0xc1, 0x81, 0, 0, 0, 0, 0x7b]), 1002],
      [clientFrame(1, Buffer.from([0xc3, 0x28])), 1007],
      // A message of 2^40 bytes is announced.
      [Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ] as const;
    for (const [bytes, code] of cases) {
      using socket = await openRawSocket();
      socket.write(bytes);
      expect([code, (await socket.frame(0x88)).readUInt16BE(2)]).toEqual([code, code]);
    }
  });

  test('P-115 a peer that is silent is pinged', async () => {
    using socket = await openRawSocket();
    expect((await socket.frame(0x89))[0]).toBe(0x89);
  });
});
