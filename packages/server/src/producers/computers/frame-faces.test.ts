import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Film, Frames, FrameTarget } from '../../frames/frames.ts';
import { encodeFrameMessage } from '../../frames/frame-message.ts';
import { createFrames } from '../../frames/live/create-frames.ts';
import type { Exchange } from '../../http/exchange.ts';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Batch, EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createSseTransport } from '../../transports/sse/sse-transport.ts';
import type { SseFace } from '../../transports/transport.ts';
import { binaryFrames, PARTS_TYPE, partFrames } from '../picture-faces.ts';
import { jsonFrames, rawFrames } from './frame-faces.ts';

const PATIENCE = { timeout: 20_000 };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function batchOf(...data: (Uint8Array | null)[]): Batch {
  return { epoch: 'e', first: 1, time: 0, events: data.map((each) => ({ type: 'frame', data: each })) };
}

const head = { number: 4, time: 1_700_000_000_000, width: 3, height: 2, tab_id: 'tab_1' };
const jpeg = Buffer.from([0xff, 0xd8, 0xfb, 0xef, 0xbe, 0xff, 0xd9]);
const message = encodeFrameMessage({ head, jpeg });
const receipt = { requested: null, from: '', latest: '', missed: 0, gap: false, epoch: '' };

describe('how frames look', () => {
  test('CO-10 CO-11 raw: the newest frame of a batch in standard base64, nothing for one that was erased', () => {
    expect(rawFrames.encode(batchOf(null, message))).toBe('data: /9j7777/2Q==\n\n');
    expect(rawFrames.encode(batchOf(null))).toBe('');
    for (const text of [rawFrames.preamble(receipt, false), rawFrames.heartbeat(0)])
      expect(text).toMatch(/^: .*\n\n$/);
    expect(rawFrames.epilogue('finished', undefined)).toBe('');
  });

  test('P-388 JSON: one object on one line', () => {
    const text = String(jsonFrames.encode(batchOf(message)));
    expect(text).toMatch(/^data: \{.*\}\n\n$/);
    expect(JSON.parse(text.slice(6))).toEqual({
      frame: '/9j7777/2Q==',
      image_data: '/9j7777/2Q==',
      metadata: { timestamp: '2023-11-14T22:13:20.000Z', number: 4, width: 3, height: 2, tab_id: 'tab_1' },
    });
    expect(jsonFrames.encode(batchOf(null))).toBe('');
  });

  test('P-389 parts: the boundary and the head of the next part stand behind each', () => {
    const [, boundary = ''] = /boundary=(playhead-[0-9a-f]{24})$/.exec(PARTS_TYPE) ?? [];
    const next = `--${boundary}\r\nContent-Type: image/jpeg\r\n\r\n`;
    expect(partFrames.preamble(receipt, false)).toBe(next);
    expect(partFrames.preamble(receipt, true)).toBe('');
    const part = Buffer.from(partFrames.encode(batchOf(message)));
    expect(part.toString('latin1')).toBe(`${jpeg.toString('latin1')}\r\n${next}`);
    expect(partFrames.encode(batchOf(null))).toBe('');
    expect(partFrames.heartbeat(0)).toBe('');
  });

  test('P-380 binary: as it is', () => {
    expect(binaryFrames.render(batchOf(message))).toEqual([message]);
    expect(binaryFrames.render(batchOf(null))).toEqual([]);
  });
});

describe('slow viewers', () => {
  let log: EventLog;
  let hub: Hub;
  let frames: Frames;
  let server: Server;
  let target: FrameTarget | undefined;
  let taken = 0;
  let port: number;
  const clients: Socket[] = [];
  const held: Disposable[] = [];

  beforeEach(async () => {
    log = createMemoryLog({ proof: false });
    hub = createHub({ log, logger: silent });
    const clock = systemClock;
    frames = createFrames({ log, hub, clock, logger: silent, lingerMs: 0 });
    const sse = createSseTransport({ hub, clock, heartbeatMs: 60_000, retryMs: 1, stallMs: 600_000 });
    held.push(sse);
    const key = streamKey('acme', 'computers/one/frames');
    const stream = await frames.open(key);
    taken = 0;
    stream.show(
      frames.feed({
        async start(to): Promise<Film> {
          target = to;
          return {
            taken: (count) => {
              taken = count;
            },
            ended: new Promise(() => {}),
            [Symbol.dispose]() {},
          };
        },
      }),
    );
    const faces: Readonly<Record<string, SseFace>> = {
      '/raw': rawFrames,
      '/json': jsonFrames,
      '/parts': partFrames,
    };
    server = createServer((request, response) => {
      const face = faces[request.url ?? ''] ?? rawFrames;
      const exchange = { request, response } as Exchange;
      void sse.respond(exchange, { key, from: 'live', delivery: 'latest', face });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const each of held.splice(0)) each[Symbol.dispose]();
    await frames[Symbol.asyncDispose]();
    hub[Symbol.dispose]();
    await log[Symbol.asyncDispose]();
    server.close();
  });

  /** A viewer that has got the headers; whether it goes on reading is up to the test. */
  async function view(path: string): Promise<{ readonly socket: Socket; bytes: number; tail: Buffer }> {
    const socket = connect(port, '127.0.0.1');
    clients.push(socket);
    const viewer = { socket, bytes: 0, tail: Buffer.alloc(0) };
    socket.on('data', (piece: Buffer) => {
      viewer.bytes += piece.length;
      viewer.tail = Buffer.concat([viewer.tail, piece]).subarray(-300);
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await expect.poll(() => viewer.bytes, PATIENCE).toBeGreaterThan(0);
    return viewer;
  }

  test('CO-15 the memory that a stuck viewer costs is bounded, and others get every frame', async () => {
    const fast = await view('/raw');
    const stuck = await Promise.all(['/raw', '/json', '/parts'].map(view));
    for (const { socket } of stuck) socket.pause();
    await expect.poll(() => target, PATIENCE).toBeDefined();
    const sizes: number[] = [];
    const picture = Buffer.alloc(512 * 1024, 7);
    const count = 150;
    for (let number = 1; number <= count; number++) {
      target?.arrived({ jpeg: Buffer.from(picture), width: 1, height: 1, time: 0 });
      // The fast one has taken it: that is what a source waits for.
      await expect.poll(() => taken, { interval: 1, ...PATIENCE }).toBe(number);
      const expected = number * Math.ceil(picture.length / 3) * 4;
      await expect.poll(() => fast.bytes, { interval: 1, ...PATIENCE }).toBeGreaterThan(expected);
      sizes.push(hub.stats.windowBytes);
    }
    // One frame, as it is and in one format.
    expect(Math.max(...sizes)).toBeLessThan(3 * picture.length);
    target?.arrived({ jpeg: Buffer.from('last'), width: 1, height: 1, time: 0 });
    for (const viewer of stuck) viewer.socket.resume();
    await expect.poll(() => stuck[0]?.tail.includes('data: bGFzdA==\n\n'), PATIENCE).toBe(true);
    await expect.poll(() => stuck[1]?.tail.includes('"number":151'), PATIENCE).toBe(true);
    await expect.poll(() => stuck[2]?.tail.includes('last\r\n--playhead-'), PATIENCE).toBe(true);
    for (const viewer of stuck) expect(viewer.bytes).toBeLessThan(fast.bytes / 2);
    // Every frame was either given or counted.
    expect(hub.stats.dropped).toBeGreaterThan(stuck.length * (count / 2));
  });
});
