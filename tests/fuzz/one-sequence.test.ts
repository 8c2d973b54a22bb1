import type { StreamPage } from '@playhead/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import { jsonOf, openStream } from '../support/sse-client.ts';

let server: TestServer;
/** One for all appends, so that their order on it counts too. */
let writing: SocketClient;
beforeAll(async () => {
  server = await startServer();
  writing = await openSocket(server);
});
afterAll(async () => {
  writing?.[Symbol.dispose]();
  await server?.stop();
});

interface Append {
  readonly stream: string;
  readonly values: readonly number[];
  readonly sequence: number;
}

/** Appends as one writer; the position behind it. */
type Write = (append: Append) => Promise<string>;

const offsetOf = ({ headers }: Answer): string => String(headers['stream-next-offset']);
let questions = 0;

async function sent(message: Record<string, unknown>, body?: string): Promise<string> {
  const id = `w${++questions}`;
  const text = JSON.stringify({ type: 'append', id, ...message });
  if (body === undefined) writing.send(text);
  else {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(text));
    writing.socket.send(new Uint8Array(Buffer.concat([length, Buffer.from(text), Buffer.from(body)])));
  }
  const answer = await writing.answer(id);
  if (answer.type !== 'appended') throw new Error(JSON.stringify(answer));
  return answer.position;
}

const writer = (sequence: number) => ({ id: 'w', epoch: 0, sequence });
const type = { content_type: 'application/json' };

const WRITES: Readonly<Record<string, Write>> = {
  durable: async ({ stream, values, sequence }) => {
    const answer = await request(server, `/v1/stream/${stream}`, {
      method: 'POST',
      headers: { 'producer-id': 'w', 'producer-epoch': '0', 'producer-seq': String(sequence) },
      body: values,
    });
    expect([200, 204]).toContain(answer.status);
    return offsetOf(answer);
  },
  streams: async ({ stream, values, sequence }) => {
    const events = values.map((data) => ({ type: 'message', data }));
    const body = { events, writer: writer(sequence) };
    const answer = await request(server, `/v1/streams/${stream}`, { method: 'POST', body });
    return answer.json<{ position: string }>().position;
  },
  values: ({ stream, values, sequence }) => sent({ stream, messages: values, writer: writer(sequence) }),
  binary: ({ stream, values, sequence }) =>
    sent({ stream, ...type, writer: writer(sequence) }, JSON.stringify(values)),
  events: ({ stream, values, sequence }) => {
    const events = values.map((data) => ({ type: 'message', data }));
    return sent({ stream, events, writer: writer(sequence) });
  },
};

interface Read {
  readonly values: readonly number[];
  /** Where to go on. */
  readonly next: string;
}

/** What the streams' face calls the beginning. */
const named = (after: string): string => (after === '-1' ? 'start' : after);

/** Reads everything that there is behind a place; `-1` is the beginning. */
type Reading = (stream: string, after: string, count: number) => Promise<Read>;

const READINGS: Readonly<Record<string, Reading>> = {
  'catch-up': async (stream, after) => {
    const answer = await request(server, `/v1/stream/${stream}?offset=${after}`);
    return { values: answer.json<number[]>(), next: offsetOf(answer) };
  },
  'long-poll': async (stream, after, count) => {
    // Where nothing follows it would wait.
    const live = count === 0 ? '' : '&live=long-poll';
    const answer = await request(server, `/v1/stream/${stream}?offset=${after}${live}`);
    return { values: answer.json<number[]>(), next: offsetOf(answer) };
  },
  'durable sse': async (stream, after) => {
    await using reader = await openStream(server, `/v1/stream/${stream}?offset=${after}&live=sse`);
    const last = await reader.frame(({ text }) => text.includes('"upToDate":true'), 'the end');
    const values = reader.frames
      .filter(({ event }) => event === 'data')
      .flatMap(
        ({ lines }) =>
          JSON.parse(
            lines
              .filter((line) => line.startsWith('data:'))
              .map((line) => line.slice(5))
              .join('\n'),
          ) as number[],
      );
    return { values, next: last.id ?? '' };
  },
  'socket read': async (stream, after) => {
    using socket = await openSocket(server);
    socket.send({ type: 'read', id: 'r', stream, after });
    await socket.next('end');
    const data = socket.messages.filter((message) => message.type === 'data');
    const begun = await socket.next('reading');
    return {
      values: data.flatMap(({ messages }) => messages as number[]),
      next: data.at(-1)?.position ?? begun.position,
    };
  },
  'socket subscription': async (stream, after, count) => {
    using socket = await openSocket(server);
    socket.send({ type: 'subscribe', stream, after });
    const events = await socket.events(stream, count);
    const { from } = await socket.next('receipt');
    return { values: events.map(({ data }) => data as number), next: events.at(-1)?.position ?? from };
  },
  page: async (stream, after) => {
    const page = await request(server, `/v1/streams/${stream}?after=${named(after)}&limit=10000`);
    const { events, next } = page.json<StreamPage>();
    return { values: events.map(({ data }) => data as number), next };
  },
  'streams sse': async (stream, after, count) => {
    await using reader = await openStream(server, `/v1/streams/${stream}?after=${named(after)}`);
    const receipt = jsonOf<{ from: string }>(await reader.event('receipt'));
    const all = () => reader.frames.filter(({ id }) => id !== undefined);
    if (count > 0) await reader.frame(() => all().length >= count, `${count} events`);
    return { values: all().map((frame) => jsonOf<number>(frame)), next: all().at(-1)?.id ?? receipt.from };
  },
};

describe('one sequence', () => {
  it('F1 P-303 written over every face in turn, with appends sent again, reads the same over every face from anywhere', async () => {
    let run = 0;
    const way = fc.constantFrom(...Object.keys(WRITES));
    const writes = fc.array(
      fc.record({ way, size: fc.integer({ min: 1, max: 6 }), again: fc.option(way, { freq: 2 }) }),
      { minLength: 1, maxLength: 8 },
    );
    const reads = fc.array(
      fc.record({ reading: fc.constantFrom(...Object.keys(READINGS)), from: fc.nat() }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(writes, reads, async (plan, readers) => {
        const stream = `sequence/${++run}`;
        const made = await request(server, `/v1/stream/${stream}`, { method: 'PUT', body: [] });
        expect(made.status).toBe(201);
        // Every place that anybody was told, and how many values lie before it.
        const places: [offset: string, before: number][] = [
          ['-1', 0],
          [offsetOf(made), 0],
        ];
        let total = 0;
        for (const [sequence, { way: first, size, again }] of plan.entries()) {
          const values = Array.from({ length: size }, (_, i) => total + i);
          const append = { stream, values, sequence };
          const position = await WRITES[first]?.(append);
          total += size;
          places.push([position ?? '', total]);
          if (again !== null) expect(await WRITES[again]?.(append)).toBe(position);
        }
        for (const { reading, from } of readers) {
          const [after, before] = places[from % places.length] ?? ['-1', 0];
          const found = await READINGS[reading]?.(stream, after, total - before);
          const wanted = Array.from({ length: total - before }, (_, i) => before + i);
          expect([reading, found?.values, found?.next]).toEqual([reading, wanted, places.at(-1)?.[0]]);
        }
      }),
      { numRuns: 40 },
    );
  });
});
