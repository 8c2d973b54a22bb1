import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { PlayheadError } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../http/exchange.ts';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog, LogEvent } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseFace, SseRequest } from '../transport.ts';
import { createSseTransport } from './sse-transport.ts';

const KEY = streamKey('acme', 'test/one');
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const face: SseFace = {
  preamble: (receipt, again) => `event: ${again ? 'again' : 'hello'}\ndata: ${receipt.missed}\n\n`,
  encode: ({ first, events }) =>
    events.map((event, i) => `id: ${first + i}\ndata: ${String(event.data)}\n\n`).join(''),
  heartbeat: (now) => `: beat ${now}\n\n`,
  epilogue: (reason) => `: ${reason}\n\n`,
};

/** Time that stands still until the test moves it. */
function manualClock(): Clock & { tick(): void } {
  const calls = new Set<() => void>();
  return {
    now: () => 7,
    after: () => ({ [Symbol.dispose]() {} }),
    every(_ms, call) {
      calls.add(call);
      return { [Symbol.dispose]: () => void calls.delete(call) };
    },
    tick() {
      for (const call of calls) call();
    },
  };
}

let log: EventLog;
let hub: Hub;
let server: Server;
let port: number;
let clock: ReturnType<typeof manualClock>;
let wanted: Pick<SseRequest, 'from' | 'delivery'>;
let failure: unknown;
let sockets: Socket[];

beforeEach(async () => {
  log = createMemoryLog();
  hub = createHub({ log, logger: silent });
  clock = manualClock();
  wanted = { from: 'start', delivery: 'every' };
  failure = undefined;
  sockets = [];
  const sse = createSseTransport({ hub, clock, heartbeatMs: 1000, retryMs: 250, stallMs: 3000 });
  server = createServer((message, response) => {
    const exchange = { request: message, response } as unknown as Exchange;
    sse.respond(exchange, { key: KEY, face, ...wanted }).catch((error: unknown) => {
      failure = error;
      response.writeHead(500).end();
    });
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  hub[Symbol.dispose]();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await log[Symbol.asyncDispose]();
});

function events(...data: string[]): LogEvent[] {
  return data.map((text) => ({ type: 't', data: text }));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A raw connection: what was written to it, byte for byte. */
async function dial(head: string): Promise<{ socket: Socket; text: () => string; ended: () => boolean }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let ended = false;
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    text += piece;
  });
  socket.on('close', () => {
    ended = true;
  });
  socket.write(head);
  await until(() => text.includes('\r\n\r\n') || ended);
  return { socket, text: () => text, ended: () => ended };
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

function get(method = 'GET'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, method, agent: false }, resolve).on('error', reject).end();
  });
}

describe('SSE transport', () => {
  it('CM-4 is chunked, uncompressed, uncached and unbuffered', async () => {
    await log.create(KEY);
    const response = await get();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'transfer-encoding': 'chunked',
      'x-accel-buffering': 'no',
    });
    expect(response.headers['cache-control']).toContain('no-cache');
    expect(response.headers['content-encoding']).toBeUndefined();
    response.destroy();
  });

  it('frames every write as one well-formed chunk, and ends the body properly', async () => {
    await log.create(KEY);
    const { text } = await dial(GET);
    await hub.append(KEY, events('1'));
    await hub.append(KEY, events('2'), { close: true });
    await until(() => text().endsWith('0\r\n\r\n'));
    const body = text().slice(text().indexOf('\r\n\r\n') + 4);
    expect(unchunk(body)).toBe(
      'retry: 250\n\nevent: hello\ndata: 0\n\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\n: finished\n\n',
    );
  });

  it('leaves the connection usable for the next request', async () => {
    await log.create(KEY, { events: events('1'), closed: true });
    const { text } = await dial(GET + GET);
    await until(() => text().split('0\r\n\r\n').length === 3);
    expect(text().match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(text().match(/id: 1/g)).toHaveLength(2);
  });

  it('speaks to an HTTP/1.0 reader without chunks', async () => {
    await log.create(KEY, { events: events('1'), closed: true });
    const { text, ended } = await dial('GET / HTTP/1.0\r\n\r\n');
    await until(ended);
    expect(text().toLowerCase()).not.toContain('chunked');
    expect(
      text().endsWith('\r\n\r\nretry: 250\n\nevent: hello\ndata: 0\n\nid: 1\ndata: 1\n\n: finished\n\n'),
    ).toBe(true);
  });

  it('CM-20 answers 204 to a reader at the end of a closed stream', async () => {
    await log.create(KEY, { events: events('1'), closed: true });
    const bounds = await log.bounds(KEY);
    wanted = { from: bounds?.latest ?? 'start', delivery: 'every' };
    expect((await get()).statusCode).toBe(204);
    expect((await get('HEAD')).statusCode).toBe(204);
  });

  it('HEAD gives the head of GET, and no subscription', async () => {
    await log.create(KEY);
    const response = await get('HEAD');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toContain('text/event-stream');
    expect(hub.stats.subscriptions).toBe(0);
  });

  it('throws for a stream that is not there, with nothing sent', async () => {
    expect((await get()).statusCode).toBe(500);
    expect(failure).toBeInstanceOf(PlayheadError);
    expect((failure as PlayheadError).code).toBe('stream-not-found');
    expect(hub.stats.streams).toBe(0);
  });

  it('sends heartbeats to idle readers only', async () => {
    await log.create(KEY);
    const { text } = await dial(GET);
    await until(() => text().includes('hello'));
    clock.tick();
    expect(text()).not.toContain('beat');
    clock.tick();
    await until(() => text().includes(': beat 7'));
    await hub.append(KEY, events('1'));
    await until(() => text().includes('id: 1'));
    clock.tick();
    await hub.append(KEY, events('2'));
    await until(() => text().includes('id: 2'));
    expect(text().match(/beat/g)).toHaveLength(1);
  });

  it('CM-29 detaches a reader that goes away', async () => {
    await log.create(KEY);
    const { socket } = await dial(GET);
    await until(() => hub.stats.subscriptions === 1);
    socket.destroy();
    await until(() => hub.stats.subscriptions === 0);
  });

  it('pushes back on a reader that takes nothing, and cuts it off when that lasts', async () => {
    await log.create(KEY);
    const { socket, ended } = await dial(GET);
    socket.pause();
    let written = 0;
    let waiting = 0;
    const big = 'x'.repeat(60_000);
    // Far more than what kernel buffers hold; none of it may pile up here.
    for (; written < 1000; written++) {
      await hub.append(KEY, events(big));
      await new Promise((resolve) => setImmediate(resolve));
      for (const one of sockets) waiting = Math.max(waiting, one.writableLength);
    }
    // What waits in the process for this reader is one chunk, not the sixty megabytes that were appended.
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(512 * 1024);
    expect(hub.stats.windowBytes).toBeLessThan(9 * 1024 * 1024);
    for (let i = 0; i < 10; i++) clock.tick();
    socket.resume();
    await until(ended);
    await until(() => hub.stats.subscriptions === 0);
  });

  it('F14 a drain ends every reader between two frames', async () => {
    await log.create(KEY);
    const { text } = await dial(GET);
    await hub.append(KEY, events('1'));
    hub.drain();
    await until(() => text().endsWith('0\r\n\r\n'));
    expect(unchunk(text().slice(text().indexOf('\r\n\r\n') + 4)).endsWith('\n\n: draining\n\n')).toBe(true);
  });
});

/** The body that chunks carry; throws if they are not well formed. */
function unchunk(text: string): string {
  let body = '';
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, end), 16);
    if (end === -1 || Number.isNaN(size)) throw new Error(`no chunk: ${rest.slice(0, 40)}`);
    if (size === 0) return body;
    body += rest.slice(end + 2, end + 2 + size);
    if (rest.slice(end + 2 + size, end + 4 + size) !== '\r\n') throw new Error('a chunk without its end');
    rest = rest.slice(end + 4 + size);
  }
}
