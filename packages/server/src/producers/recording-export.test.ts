import { type IncomingMessage, request } from 'node:http';
import { PlayheadError } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedPicture } from '../frames/recordings.ts';
import { createHttpApp, type HttpApp } from '../http/app.ts';
import { streamKey } from '../log/stream-key.ts';
import { systemClock } from '../runtime/clock.ts';
import type { WriteRequest } from '../video/video.ts';
import { createExporter, type ExportLimits } from './recording-export.ts';

const KEY = streamKey('acme', 'test/recording');
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const PIECE = Buffer.alloc(256 * 1024, 1);

/** What a test makes of the writing of a video, and what became of it. */
interface Writing {
  missing: string | undefined;
  pieces: (pictures: AsyncIterable<unknown>) => AsyncIterable<Uint8Array>;
  given: number;
  ended: number;
}

let app: HttpApp;
let port = 0;
let writing: Writing;
let span = { from: 1000, to: 2000 };

async function start(limits: Partial<ExportLimits> = {}): Promise<void> {
  app = createHttpApp({
    gate: {
      identify: () => Promise.reject(new PlayheadError('unauthenticated', 'Nobody is asked.')),
      standing: () => ({ kind: 'valid', until: Number.POSITIVE_INFINITY }),
      spend: () => ({ allowed: true, limit: 0, remaining: 0, reset: 0, retryAfter: 1 }),
    },
    clock: systemClock,
    logger: silent,
    settings: {
      ...{ allowedHosts: [], allowedOrigins: '*', trustedProxies: [], bodyLimit: 1024 },
      ...{ headTimeoutMs: 10_000, bodyTimeoutMs: 10_000, keepAliveMs: 1_000 },
    },
  });
  const exporter = createExporter({
    recordings: {
      async play() {
        async function* pictures(): AsyncGenerator<RecordedPicture> {
          for (let time = 0; time < 1000; time += 100)
            yield { jpeg: new Uint8Array(), time, shown: span.from + time };
        }
        return span.to === 0 ? undefined : { ...span, lastMs: 100, pictures: pictures() };
      },
    },
    video: {
      get missing() {
        return writing.missing;
      },
      async *write({ pictures }: WriteRequest) {
        try {
          for await (const piece of writing.pieces(pictures)) {
            writing.given++;
            yield piece;
          }
        } finally {
          writing.ended++;
        }
      },
    },
    clock: systemClock,
    logger: silent,
    limits: { most: 2, spanMs: 5000, stallMs: 60_000, ...limits },
  });
  app.add({
    method: 'GET',
    path: '/film',
    access: 'public',
    async handle(exchange) {
      await exporter(exchange, KEY, 'webm');
      return undefined;
    },
  });
  ({ port } = await app.listen({ host: '127.0.0.1', port: 0 }));
}

beforeEach(() => {
  span = { from: 1000, to: 2000 };
  writing = {
    missing: undefined,
    given: 0,
    ended: 0,
    async *pieces(pictures) {
      for await (const _ of pictures) yield PIECE;
    },
  };
});
afterEach(() => app[Symbol.asyncDispose]());

function open(query = '', method = 'GET'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path: `/film${query}`, method, agent: false },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** How much came, and whether that was all. */
async function drink(incoming: IncomingMessage): Promise<{ bytes: number; whole: boolean }> {
  let bytes = 0;
  incoming.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  await new Promise((resolve) => {
    incoming.once('close', resolve);
    incoming.on('error', () => undefined);
  });
  return { bytes, whole: incoming.complete };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('videos of recordings', () => {
  test('P-567 all of it, and what it is', async () => {
    await start();
    const incoming = await open();
    expect([incoming.statusCode, incoming.headers]).toMatchObject([
      200,
      {
        'content-type': 'video/webm',
        'x-recording-from': '1970-01-01T00:00:01.000Z',
        'x-recording-to': '1970-01-01T00:00:02.000Z',
      },
    ]);
    expect(await drink(incoming)).toEqual({ bytes: 10 * PIECE.length, whole: true });
    expect(writing).toMatchObject({ given: 10, ended: 1 });
    const head = await open('', 'HEAD');
    expect([head.statusCode, head.headers['content-length'], writing.given]).toEqual([200, undefined, 10]);
  });

  test('P-567 what cannot be made is told before anything is sent', async () => {
    await start();
    const status = async (query = ''): Promise<number | undefined> => {
      const incoming = await open(query);
      await drink(incoming);
      return incoming.statusCode;
    };
    for (const query of ['?from=2&to=1', '?from=1&to=1', '?from=x', '?to=', '?to=-1'])
      expect(await status(query), query).toBe(400);
    span = { from: 0, to: 5001 };
    expect(await status()).toBe(400);
    span = { from: 0, to: 0 };
    expect(await status()).toBe(404);
    span = { from: 0, to: 5000 };
    writing.missing = 'There is nothing that writes video.';
    expect(await status()).toBe(501);
    writing.missing = undefined;
    writing.pieces = async function* () {
      yield* [] as Uint8Array[];
      throw new PlayheadError('not-served', 'There is no encoder.');
    };
    expect(await status()).toBe(501);
    expect(writing.given).toBe(0);
  });

  test('P-568 one that breaks off does not look whole', async () => {
    await start();
    writing.pieces = async function* () {
      yield PIECE;
      throw new Error('the process died');
    };
    const incoming = await open();
    expect(incoming.statusCode).toBe(200);
    expect((await drink(incoming)).whole).toBe(false);
    expect(writing.ended).toBe(1);
  });

  test('P-568 it is made no faster than it is read, and one that takes nothing is cut off', async () => {
    await start({ stallMs: 300 });
    writing.pieces = async function* () {
      for (;;) yield PIECE;
    };
    // Nothing is read: what the system holds for it fills up, and no more is made.
    const incoming = await open();
    await until(() => writing.ended === 1);
    expect(writing.given * PIECE.length).toBeLessThan(64 * 2 ** 20);
    incoming.destroy();
  });

  test('P-568 who leaves ends the work, and makes room for another', async () => {
    await start({ most: 1 });
    const held = Promise.withResolvers<void>();
    writing.pieces = async function* (pictures) {
      yield PIECE;
      await held.promise;
      for await (const _ of pictures) yield PIECE;
    };
    const first = await open();
    const refused = await open();
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, expect.any(String)]);
    refused.destroy();
    first.destroy();
    held.resolve();
    await until(() => writing.ended === 1);
    // Of the pictures at most the next was asked for.
    expect(writing.given).toBeLessThan(4);
    let again = await open();
    while (again.statusCode === 503) again = await open();
    expect(await drink(again)).toEqual({ bytes: 11 * PIECE.length, whole: true });
  });
});
