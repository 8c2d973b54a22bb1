import { DurableStream, IdempotentProducer, type LiveMode, stream } from '@durable-streams/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start } from '../support/commands.ts';

import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket } from '../support/socket.ts';
import { readPage } from '../support/streams.ts';
import { startTerminal } from '../support/terminal.ts';
import { within } from '../support/within.ts';

// The protocol's own client, unchanged, on every kind of stream there is.

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_LONG_POLL_MS: '1000', PLAYHEAD_SSE_LIFETIME_MS: '500' } });
});
afterAll(() => server.stop());

let made = 0;

interface Made {
  readonly name: string;
  readonly options: { readonly url: string; readonly headers: Record<string, string> };
}

function at(name: string): Made {
  return { name, options: { url: `${server.url}/v1/stream/${name}`, headers: { 'x-api-key': server.key } } };
}

async function create(contentType: string, body?: string): Promise<Made & { handle: DurableStream }> {
  const found = at(`client/${++made}`);
  const handle = await DurableStream.create({
    ...found.options,
    contentType,
    ...(body === undefined ? {} : { body }),
  });
  return { ...found, handle };
}

/** Everything of a stream, to its end. */
async function whole({ options }: Made, live: LiveMode = false): Promise<Buffer> {
  const response = await stream({ ...options, offset: '-1', live });
  return Buffer.from(await within(response.body(), 'the end of the stream'));
}

/** The values of a stream as they come, until there are so many. */
async function values({ options }: Made, live: LiveMode, count: number, offset = '-1'): Promise<unknown[]> {
  const found: unknown[] = [];
  const response = await stream({ ...options, offset, live });
  await within(
    new Promise<void>((resolve) => {
      response.subscribeJson((batch) => {
        found.push(...batch.items);
        if (found.length >= count) resolve();
      });
    }),
    () => `${count} values; there were ${found.length}`,
  );
  response.cancel();
  return found;
}

/** The text of a stream from its beginning, as it comes. */
async function followText({ options }: Made, live: LiveMode): Promise<string> {
  let text = '';
  const response = await stream({ ...options, offset: '-1', live });
  await within(
    new Promise<void>((resolve) => {
      response.subscribeText((chunk) => {
        text += chunk.text;
        if (chunk.streamClosed) resolve();
      });
    }),
    () => `the end of a text; there was ${text}`,
  );
  return text;
}

const LIVE: readonly LiveMode[] = ['long-poll', 'sse'];

describe('P-255 the client library', () => {
  test('P-255 writes and reads JSON', async () => {
    const { handle, name, ...rest } = await create('application/json');
    await handle.append('{"n":1}');
    await Promise.all([handle.append('{"n":2}'), handle.append('[3]'), handle.append('"four"')]);
    const response = await stream({ ...rest.options, offset: '-1', live: false });
    expect(await response.json()).toEqual([{ n: 1 }, { n: 2 }, [3], 'four']);
    expect(response.upToDate).toBe(true);
    const page = await readPage(server, name, '?after=start');
    expect(page.events.map(({ type, data }) => [type, data])).toEqual([
      ['message', { n: 1 }],
      ['message', { n: 2 }],
      ['message', [3]],
      ['message', 'four'],
    ]);
    expect(page.next).toBe(response.offset);
  });

  test('P-255 writes and reads bytes of every value', async () => {
    const found = await create('application/octet-stream');
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    for (let from = 0; from < 256; from += 100) await found.handle.append(bytes.subarray(from, from + 100));
    await found.handle.close();
    expect(await whole(found)).toEqual(bytes);
    for (const live of LIVE) expect(await whole(found, live)).toEqual(bytes);
  });

  test('P-255 writes and reads text, of every character and line break', async () => {
    const found = await create('text/plain');
    const text = 'first\r\nsecond\n\n third\u2028ünï🎥 ';
    const followed = LIVE.map((live) => followText(found, live));
    await found.handle.append(text);
    await found.handle.append(' end\n');
    await found.handle.close();
    expect((await whole(found)).toString()).toBe(`${text} end\n`);
    // Server-Sent Events know line breaks, not which.
    expect(await Promise.all(followed)).toEqual([`${text} end\n`, `${text.replace('\r\n', '\n')} end\n`]);
  });

  test.each(LIVE)('P-255 follows what is written, from one response to the next: %s', async (live) => {
    const found = await create('application/json');
    const reading = values(found, live, 30);
    for (let n = 0; n < 30; n++) await found.handle.append(JSON.stringify(n));
    expect(await reading).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  test('P-255 resumes at offsets of the socket and of the streams face', async () => {
    const found = await create('application/json', '[1,2,3,4]');
    using socket = await openSocket(server);
    socket.send({ type: 'subscribe', stream: found.name, after: 'start' });
    const events = await socket.events(found.name, 4);
    expect(await values(found, 'sse', 2, events[1]?.position ?? '')).toEqual([3, 4]);
    const page = await readPage(server, found.name, '?after=start&limit=3');
    expect(await values(found, 'long-poll', 1, page.next)).toEqual([4]);
    const response = await stream({ ...found.options, offset: '-1', live: false });
    await response.json();
    await found.handle.append('5');
    expect((await readPage(server, found.name, `?after=${response.offset}`)).events).toMatchObject([
      { data: 5 },
    ]);
  });

  test('P-255 forks', async () => {
    const source = await create('application/json', '[1,2]');
    const fork = at(`client/${++made}`);
    await DurableStream.create({
      ...fork.options,
      contentType: 'application/json',
      headers: { ...fork.options.headers, 'stream-forked-from': `/v1/stream/${source.name}` },
    });
    await source.handle.append('"source"');
    await new DurableStream({ ...fork.options, contentType: 'application/json' }).append('"fork"');
    expect(await values(fork, 'sse', 3)).toEqual([1, 2, 'fork']);
    expect(await values(source, 'long-poll', 3)).toEqual([1, 2, 'source']);
  });

  test('P-255 its idempotent producer writes each message once and closes', async () => {
    const found = await create('application/json');
    const producer = new IdempotentProducer(found.handle, 'test', { lingerMs: 0, maxInFlight: 4 });
    for (let n = 0; n < 50; n++) producer.append(JSON.stringify({ n }));
    await producer.flush();
    await producer.close(JSON.stringify({ last: true }));
    const read = JSON.parse(`[${(await whole(found)).toString().slice(1, -1)}]`) as unknown[];
    expect(read).toHaveLength(51);
    expect(read.at(-1)).toEqual({ last: true });
    await expect(found.handle.append('1')).rejects.toMatchObject({ status: 409 });
    expect(await DurableStream.head(found.options)).toMatchObject({ exists: true, streamClosed: true });
  });

  test.each(LIVE)('P-255 reads the stream of a running command to its end: %s', async (live) => {
    const id = await start(server, 'echo one; read line; echo "got $line"', { body: { pty: true } });
    const found = at(`commands/${id}`);
    const items: { type: string; data: { line?: string } }[] = [];
    const response = await stream<(typeof items)[number]>({ ...found.options, offset: '-1', live });
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    response.subscribeJson((batch) => {
      items.push(...batch.items);
      if (items.some(({ data }) => data.line === 'one')) asked.resolve();
      if (batch.streamClosed) ended.resolve();
    });
    // A terminal shows what is typed when it is typed: not before the command has said its first line.
    await within(asked.promise, 'the first line');
    await request(server, `/projects/my-project/commands/${id}/input`, {
      ...{ method: 'POST', body: 'hello\n', headers: { 'content-type': 'text/plain' } },
    });
    await within(ended.promise, 'the command to end');
    const lines = items.filter(({ type }) => type === 'output').map(({ data }) => data.line);
    expect(lines).toEqual(['one', 'hello', 'got hello']);
    expect(items.at(-1)).toMatchObject({ type: 'complete', data: { exit_code: 0 } });
    const page = await readPage(server, found.name, '?after=start');
    expect(items).toHaveLength(page.events.length);
    await expect(new DurableStream(found.options).append('1')).rejects.toMatchObject({ status: 405 });
  });

  test('P-255 reads what a terminal shows as the bytes that it shows', async () => {
    const terminal = await startTerminal(server, 'printf "a\\033[1mb\\303\\251"; stty cols 100; echo end');
    await terminal.ended();
    const found = at(terminal.stream);
    expect(await whole(found)).toEqual(await terminal.output());
    expect(await whole(found, 'sse')).toEqual(await terminal.output());
    expect(await whole(found, 'long-poll')).toEqual(await terminal.output());
  });

  test('P-255 reads streams that were written on the streams face', async () => {
    const found = at(`client/${++made}`);
    await request(server, `/v1/streams/${found.name}`, { method: 'PUT' });
    await request(server, `/v1/streams/${found.name}`, {
      ...{
        method: 'POST',
        body: {
          events: [
            { type: 'note', data: 1 },
            { type: 'message', data: [2] },
          ],
        },
      },
    });
    expect(await values(found, 'sse', 2)).toEqual([{ type: 'note', time: expect.any(String), data: 1 }, [2]]);
    await new DurableStream({ ...found.options, contentType: 'application/json' }).append('3');
    expect((await readPage(server, found.name, '?after=start')).events).toHaveLength(3);
  });
});
