import { PlayheadError } from '@playhead/protocol';
import { afterEach, expect, test } from 'vitest';
import { type AppFixture, startApp } from '../../http/app.fixture.ts';
import { createHub } from '../../hub/create-hub.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/pino-logger.ts';
import type { SocketFace, SocketLine, SocketRendering } from '../socket-face.ts';
import { createSocketTransport, type SocketTransport } from './socket-transport.ts';

const KEY = streamKey('acme', 'parrots/one');
const RENDERING: SocketRendering = {
  render: ({ events }) => events.flatMap(({ type, data }) => (type === 'hidden' ? [] : [data ?? 'erased'])),
};

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

interface Setup {
  readonly app: AppFixture;
  readonly transport: SocketTransport;
  append(...data: readonly (string | Uint8Array)[]): Promise<void>;
}

async function setup(face: Partial<SocketFace> & Pick<SocketFace, 'admit'>): Promise<Setup> {
  const logger = createLogger({ level: 'error', secrets: [] });
  const log = createMemoryLog({ clock: systemClock });
  await log.create(KEY);
  const hub = createHub({ log, logger, windowBytes: 1024 * 1024 });
  const unused = (): never => {
    throw new Error('not used');
  };
  const transport = createSocketTransport({
    hub,
    gateway: {
      subscribe: unused,
      append: unused,
      create: unused,
      delete: unused,
      room: unused,
    },
    content: { create: unused, append: unused, close: unused, head: unused, read: unused },
    terminals: {
      type: unused,
      resize: unused,
      signal: unused,
      control: unused,
      screen: unused,
      leave: unused,
    },
    ...{
      clock: systemClock,
      logger,
      heartbeatMs: 60_000,
      paceMs: 60_000,
      messageBytes: 1024,
      subscriptions: 8,
    },
  });
  const app = await startApp({
    mount: (http) => transport.faces(http).serve({ paths: ['/parrots/:id/ws'], access: 'public', ...face }),
  });
  stack.push(app, {
    async [Symbol.asyncDispose]() {
      transport.drain();
      transport[Symbol.dispose]();
      hub[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  });
  return {
    app,
    transport,
    async append(...data) {
      await hub.append(
        KEY,
        data.map((one) => ({ type: one === '"no"' ? 'hidden' : 'word', data: one })),
      );
    },
  };
}

interface Client {
  readonly socket: WebSocket;
  next(): Promise<string | Buffer>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

async function open({ app }: Setup, protocols: readonly string[] = []): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${app.port}/parrots/7/ws?how=loud`, [...protocols]);
  socket.binaryType = 'arraybuffer';
  const heard: (string | Buffer)[] = [];
  const waiting: ((message: string | Buffer) => void)[] = [];
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const message = typeof data === 'string' ? data : Buffer.from(data);
    const waiter = waiting.shift();
    if (waiter === undefined) heard.push(message);
    else waiter(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('refused')));
  });
  return {
    socket,
    closed,
    next: () => {
      const message = heard.shift();
      return message === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(message);
    },
  };
}

test('a surface sees the request, answers messages, and hears of the end once', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const it = await setup({
    protocols: ['parrot.v2', 'parrot.v1'],
    admit:
      ({ params, query, protocol }) =>
      (line) => {
        line.send(`${params['id']} ${query.get('how')} ${protocol}`);
        return {
          text: (message) => void line.send(message.toUpperCase()),
          bytes: (message) => void line.sendBytes(message, Buffer.from('!')),
          closed: end,
        };
      },
  });
  const client = await open(it, ['parrot.v1']);
  expect(client.socket.protocol).toBe('parrot.v1');
  expect(await client.next()).toBe('7 loud parrot.v1');
  client.socket.send('hello');
  expect(await client.next()).toBe('HELLO');
  client.socket.send(Buffer.from('squawk'));
  expect(await client.next()).toEqual(Buffer.from('squawk!'));
  client.socket.close();
  await ended;
});

test('what a surface refuses is answered over HTTP, before any handshake', async () => {
  const it = await setup({
    admit: () => {
      throw new PlayheadError('stream-not-found', 'There is no such parrot.');
    },
  });
  const answer = await it.app.raw(
    'GET /parrots/7/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
});

test('what handling a message throws closes that socket by the error table', async () => {
  const it = await setup({
    admit: () => () => ({
      async text() {
        throw new PlayheadError('forbidden', 'Parrots do not say that.');
      },
      closed() {},
    }),
  });
  const client = await open(it);
  client.socket.send('anything');
  expect(await client.closed).toEqual({ code: 4511, reason: 'Parrots do not say that.' });
});

test('a subscription renders events as messages, shows no hidden ones, and ends when it is disposed', async () => {
  const lines: SocketLine[] = [];
  const it = await setup({
    admit: () => (line) => {
      lines.push(line);
      const watching = line.watch({
        ...{ key: KEY, from: 'start', delivery: 'every', rendering: RENDERING },
        receipt: ({ from }) => void line.send(`from ${from}`),
      });
      return {
        async text() {
          const attached = await watching;
          if (attached.kind === 'attached') attached.subscription[Symbol.dispose]();
          line.send('done');
        },
        closed() {},
      };
    },
  });
  await it.append('"one"', '"no"', Buffer.from('two'));
  const client = await open(it);
  expect(await client.next()).toMatch(/^from /);
  expect(await client.next()).toBe('"one"');
  expect(await client.next()).toEqual(Buffer.from('two'));
  client.socket.send('enough');
  expect(await client.next()).toBe('done');
  await it.append('"unheard"');
  lines[0]?.send('last');
  expect(await client.next()).toBe('last');
});

test('sockets of surfaces are drained like all others', async () => {
  const it = await setup({ admit: () => () => ({ text() {}, closed() {} }) });
  const client = await open(it);
  it.transport.drain();
  expect((await client.closed).code).toBe(1012);
  await expect(open(it)).rejects.toThrow('refused');
});
