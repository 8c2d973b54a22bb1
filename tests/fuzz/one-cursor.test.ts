import type { StreamPage } from '@playhead/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';
import { jsonOf, openStream } from '../support/sse-client.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

interface Read {
  readonly values: readonly number[];
  /** Where to go on. */
  readonly position: string;
}

type Way = (stream: string, after: string, count: number) => Promise<Read>;

const page: Way = async (stream, after, count) => {
  const { events, next } = (
    await request(server, `/v1/streams/${stream}?after=${after}&limit=${count}`)
  ).json<StreamPage>();
  return { values: events.map(({ data }) => data as number), position: next };
};

/** By Last-Event-ID or by `?after=`, whichever: they are one cursor. */
function overSse(header: boolean): Way {
  return async (stream, after, count) => {
    const path = `/v1/streams/${stream}${header && after !== 'start' ? '' : `?after=${after}`}`;
    await using reader = await openStream(
      server,
      path,
      header && after !== 'start' ? { lastEventId: after } : {},
    );
    const values: number[] = [];
    // Positions sort as text, and every one sorts behind the empty text.
    let position = after === 'start' ? '' : after;
    while (values.length < count) {
      const frame = await reader.frame(({ id }) => id !== undefined && id > position, 'an event', 0);
      values.push(jsonOf<number>(frame));
      position = frame.id ?? position;
    }
    return { values, position };
  };
}

const overSocket: Way = async (stream, after, count) => {
  using socket = await openSocket(server);
  socket.send({ type: 'subscribe', stream, after });
  const events = (await socket.events(stream, count)).slice(0, count);
  return { values: events.map(({ data }) => data as number), position: events.at(-1)?.position ?? after };
};

const WAYS: Readonly<Record<string, Way>> = {
  page,
  header: overSse(true),
  query: overSse(false),
  socket: overSocket,
};

describe('one cursor everywhere', () => {
  it('F1 a reader that switches between SSE, WebSocket and pages at random positions sees every event once', async () => {
    let run = 0;
    const plan = fc.array(
      fc.record({ way: fc.constantFrom(...Object.keys(WAYS)), count: fc.integer({ min: 1, max: 12 }) }),
      { minLength: 1, maxLength: 8 },
    );
    const batches = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(plan, batches, async (steps, sizes) => {
        const stream = `cursor/${run++}`;
        await request(server, `/v1/streams/${stream}`, { method: 'PUT' });
        const wanted = steps.reduce((sum, { count }) => sum + count, 0);
        const appending = append(stream, sizes, wanted);
        const seen: number[] = [];
        let position = 'start';
        for (const { way, count } of steps) {
          // A page does not wait: it may be shorter than asked for.
          const read = await WAYS[way]?.(stream, position, count);
          if (read === undefined) throw new Error(way);
          seen.push(...read.values);
          position = read.position;
        }
        expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));
        await appending;
        const rest = await page(stream, position, 10_000);
        const total = seen.length + rest.values.length;
        expect(total).toBeGreaterThanOrEqual(wanted);
        expect([...seen, ...rest.values]).toEqual(Array.from({ length: total }, (_, i) => i + 1));
      }),
      { numRuns: 25 },
    );
  });
});

/** Appends the numbers from 1 on in batches of these sizes, again and again until there are enough. */
async function append(stream: string, sizes: readonly number[], wanted: number): Promise<void> {
  let next = 1;
  for (let i = 0; next <= wanted; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    const events = Array.from({ length: size }, (_, at) => ({ type: 'n', data: next + at }));
    await request(server, `/v1/streams/${stream}`, { method: 'POST', body: { events } });
    next += size;
  }
}
