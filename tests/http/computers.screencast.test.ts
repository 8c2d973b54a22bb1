import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { openComputerSocket } from '../support/computer-socket.ts';
import {
  act,
  type Computer,
  computers,
  createComputer,
  done,
  startComputerServer,
} from '../support/computers.ts';
import { colorOf, isJpeg, lookAt, pictureOf, picturesOf, readFrame } from '../support/frames.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { type EventReader, openStream } from '../support/sse-client.ts';
import { until, within } from '../support/within.ts';

const chromium = findChromium();

/** A page in one colour. */
const plain = (title: string, color: string): string =>
  page(title, `<div style="background:${color};height:100vh"></div>`);

/** A page that never stands still: noise, so that its pictures are large. */
const BUSY = page(
  'busy',
  '<canvas id="c" width="1200" height="700"></canvas>',
  `const context = c.getContext('2d');
   const image = context.createImageData(1200, 700);
   const words = new Uint32Array(image.data.buffer);
   let seed = 1;
   function draw() {
     for (let i = 0; i < words.length; i += 1) {
       seed = (seed * 1664525 + 1013904223) >>> 0;
       words[i] = seed | 0xff000000;
     }
     context.putImageData(image, 0, 0);
     requestAnimationFrame(draw);
   }
   draw();`,
);

/** A small part that changes all the time. */
const LIVELY = page(
  'lively',
  '<div id="d" style="width:50px;height:50px"></div>',
  `let n = 0;
   (function draw() { d.style.background = (n++ % 2) ? 'red' : 'blue'; requestAnimationFrame(draw); })();`,
);

describe.skipIf(chromium.missing)('the screencast of computers', () => {
  let site: Site;
  let server: TestServer;
  let eyes: Browser;
  let computer: Computer & AsyncDisposable;

  beforeAll(async () => {
    site = await startSite({
      '/red': plain('red', '#f00'),
      '/green': plain('green', '#0f0'),
      '/blue': plain('blue', '#00f'),
      '/busy': BUSY,
      '/lively': LIVELY,
    });
    // A socket whose client is silent for three heartbeats is cut; decoding pictures keeps this process busy.
    const env = { PLAYHEAD_PACE_MS: '4000', PLAYHEAD_HEARTBEAT_MS: '2000' };
    [server, eyes] = await Promise.all([startComputerServer(site, { env }), launchChromium(chromium)]);
    computer = await createComputer(server);
  });
  afterAll(async () => {
    await computer?.[Symbol.asyncDispose]();
    await server?.stop();
    await eyes?.close();
    await site?.[Symbol.asyncDispose]();
  });

  const watch = (id: string, query: string = '', key: string | null = server.key): Promise<EventReader> =>
    openStream(server, `/v1/computers/${id}/screencast${query}`, {
      key: null,
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    });

  /** The next picture that a reader gets that looks so. */
  async function sees(reader: EventReader, color: string, from: number = 0): Promise<void> {
    let next = from;
    await until(async () => {
      for (; next < reader.frames.length; next++) {
        const frame = reader.frames[next];
        if (frame?.data !== undefined && (await colorOf(eyes, pictureOf(frame))) === color) return true;
      }
      return false;
    }, `a picture in ${color}`);
  }

  test('CO-9 CO-10 CO-11 CO-12 CO-13 one data line a frame, base64 of a JPEG of the page, and else comments', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/red` });
    await using reader = await watch(computer.id);
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': expect.stringMatching(/^text\/event-stream/),
      'transfer-encoding': 'chunked',
      'x-accel-buffering': 'no',
    });
    expect(reader.headers).not.toHaveProperty('content-encoding');
    // CO-14: a still page too is shown at once.
    await sees(reader, 'r');
    await done(server, computer.id, 'navigate', { url: `${site.url}/green` });
    await sees(reader, 'g');
    await reader.frame((frame) => frame.text.startsWith(': heartbeat'), 'a heartbeat');
    for (const frame of reader.frames) {
      for (const line of frame.lines) expect(line).toMatch(/^(?:: |data: |retry: )/);
      expect(frame.lines.filter((line) => line.startsWith('data:')).length).toBeLessThanOrEqual(1);
    }
    for (const picture of picturesOf(reader)) expect(isJpeg(picture)).toBe(true);
    const newest = picturesOf(reader).at(-1) ?? Buffer.alloc(0);
    expect(await lookAt(eyes, newest)).toMatchObject({ width: 1280, height: 720 });
  });

  test('CO-2 CO-25 both prefixes, keys of the tenant with the scope alone, no other method', async () => {
    const reading = await makeKey(server, { scopes: ['computers:read'] });
    const others = await makeKey(server, { scopes: ['streams:read', 'projects:read'] });
    const stranger = await makeKey(server, { scopes: ['computers:read'], tenant: 'strangers' });
    for (const prefix of ['/v1/computers', '/computers']) {
      const path = `${prefix}/${computer.id}/screencast`;
      await using reader = await openStream(server, path, {
        key: null,
        headers: { authorization: `Bearer ${reading}` },
      });
      expect(reader.status).toBe(200);
      for (const [key, status] of [
        [null, 401],
        ['wrong', 401],
        [others, 403],
        [stranger, 404],
      ] as const) {
        const answer = await request(server, path, { key });
        expect(answer.status).toBe(status);
        expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
      }
      expect((await request(server, path, { method: 'POST', body: {} })).status).toBe(405);
      expect((await request(server, `${prefix}/comp_${'0'.repeat(32)}/screencast`)).status).toBe(404);
    }
  });

  test('P-388 as JSON: the picture by both names, and what is known of it', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/blue` });
    await using reader = await watch(computer.id, '?format=json');
    const first = await reader.frame((frame) => frame.data !== undefined, 'a frame');
    const { frame, image_data, metadata, ...rest } = JSON.parse(first.data ?? '') as Record<string, unknown>;
    expect(rest).toEqual({});
    expect(image_data).toBe(frame);
    expect(isJpeg(Buffer.from(String(frame), 'base64'))).toBe(true);
    expect(metadata).toMatchObject({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      number: expect.any(Number),
      width: 1280,
      height: 720,
      tab_id: expect.stringMatching(/^tab_\d+$/),
      scale: 1,
      viewport: { width: 1280, height: 720 },
    });
  });

  test('P-389 as parts: each a JPEG with its length, whole before the next begins', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/lively` });
    const { type, parts } = await readParts(
      server,
      `/v1/computers/${computer.id}/screencast?format=mjpeg`,
      5,
    );
    expect(type).toMatch(/^multipart\/x-mixed-replace; boundary=playhead-[0-9a-f]{24}$/);
    for (const part of parts) expect(isJpeg(part)).toBe(true);
  });

  test('P-390 P-391 what is wrong with the query is told', async () => {
    for (const query of ['?format=gif', '?fps=0', '?fps=fast', '?fps=-1', '?fps=', '?fps=1e9']) {
      const answer = await computers(server, 'GET', `/${computer.id}/screencast${query}`);
      expect(answer.status, query).toBe(400);
      expect(answer.json()).toMatchObject({ status: 'error' });
    }
    for (const query of ['?tab_id=tab_999', '?tab_id='])
      expect((await computers(server, 'GET', `/${computer.id}/screencast${query}`)).status, query).toBe(404);
  });

  test('P-390 a viewer gets as many frames a second as it asks for, others as many as there are', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/lively` });
    await using all = await watch(computer.id, '?format=json');
    await using few = await watch(computer.id, '?format=json&fps=0.5');
    await until(() => picturesOfJson(few).length >= 2, 'two slow frames');
    // However slow the machine is: two seconds lie between them, and more than one frame was drawn meanwhile.
    expect(few.frames.length).toBeLessThan(all.frames.length);
    expect(picturesOfJson(all).length).toBeGreaterThan(picturesOfJson(few).length);
  });

  test('CO-14 P-391 follows the main tab, or stays on one', async () => {
    await using own = await createComputer(server);
    await done(server, own.id, 'navigate', { url: `${site.url}/red` });
    await using following = await watch(own.id);
    await sees(following, 'r');
    const first = await mainTab(own.id);
    await using staying = await watch(own.id, `?tab_id=${first}`);
    await sees(staying, 'r');
    const { created_tab_id } = await done(server, own.id, 'tabs', { url: `${site.url}/green` });
    await sees(following, 'g');
    await using second = await watch(own.id, `?tab_id=${created_tab_id}&format=json`);
    await second.frame((frame) => frame.data !== undefined, 'a frame of the new tab');
    const before = following.frames.length;
    await done(server, own.id, `tabs/${first}/switch`);
    await sees(following, 'r', before);
    for (const picture of picturesOf(staying)) expect(await colorOf(eyes, picture)).not.toBe('g');
    expect((await computers(server, 'DELETE', `/${own.id}/tabs/${created_tab_id}`)).status).toBe(200);
    // The tab is gone, and so is whoever watched it alone.
    expect(await second.end()).toBe('ended');
    expect((await computers(server, 'GET', `/${own.id}/screencast?tab_id=${created_tab_id}`)).status).toBe(
      404,
    );
  });

  test('CO-24 CO-26 ends with its computer, and then is not found', async () => {
    await using own = await createComputer(server);
    await using reader = await watch(own.id);
    using client = await openComputerSocket(server, own.id);
    client.send({ type: 'watch', request_id: 'w' });
    await client.next('watch_result');
    expect((await computers(server, 'DELETE', `/${own.id}`)).status).toBe(204);
    expect(await reader.end()).toBe('ended');
    expect(reader.rest).toBe('');
    await client.closed();
    expect((await computers(server, 'GET', `/${own.id}/screencast`)).status).toBe(404);
  });

  test('CO-15 a viewer that stops reading harms nobody, is held no frames for, and then gets the newest', async () => {
    await using own = await createComputer(server, { screencast: { quality: 100 } });
    await done(server, own.id, 'navigate', { url: `${site.url}/busy` });
    await using stuck = await watch(own.id, '?format=json');
    stuck.pause();
    using stuckSocket = await openStuckSocket(server, own.id);
    await using fast = await watch(own.id, '?format=json');
    // More than the system's buffers on the way to a viewer hold.
    for (let mib = 4; mib <= 32; mib += 4)
      await until(() => fast.body.length > mib * 2 ** 20, `${mib} MiB for the fast viewer`);
    await done(server, own.id, 'navigate', { url: `${site.url}/green` });
    const last = await newestNumber(fast);
    stuck.resume();
    await until(() => numbersOf(stuck).at(-1) === last, 'the newest frame for the one that was stuck');
    const numbers = numbersOf(stuck);
    expect(numbers.length).toBeLessThan(numbersOf(fast).length);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    // One that answers no ping is closed (D-29).
    await stuckSocket.ended();
  });

  test('P-393 P-380 on the socket: binary messages with a head, for as long as they are wanted', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/red` });
    using client = await openComputerSocket(server, computer.id);
    client.send({ type: 'watch', request_id: 'w1' });
    expect(await client.next('watch_result')).toMatchObject({
      request_id: 'w1',
      status: 'SUCCESS',
      tab_id: null,
    });
    await until(() => client.binary.length > 0, 'a frame');
    const { head, jpeg } = readFrame(client.binary[0] ?? Buffer.alloc(0));
    expect(head).toEqual({
      tab_id: await mainTab(computer.id),
      scale: 1,
      viewport: { width: 1280, height: 720 },
      number: expect.any(Number),
      time: expect.any(Number),
      width: 1280,
      height: 720,
    });
    expect(Math.abs(Date.now() - head.time)).toBeLessThan(60_000);
    expect(await colorOf(eyes, jpeg)).toBe('r');
    client.send({ type: 'unwatch', request_id: 'w2' });
    await client.next('unwatch_result');
    const count = client.binary.length;
    await done(server, computer.id, 'navigate', { url: `${site.url}/blue` });
    await client.act({ type: 'wait', ms: 200 }, 'a-while');
    expect(client.binary.length).toBe(count);
    for (const [message, code] of [
      [{ type: 'watch', tab_id: 'tab_999', request_id: 'e1' }, 'not-found'],
      [{ type: 'watch', fps: 'x', request_id: 'e2' }, 'invalid-request'],
    ] as const) {
      client.send(message);
      const told = await client.next(
        code === 'not-found' ? 'watch_result' : 'action_result',
        (each) => each.status === 'ERROR',
      );
      expect(told).toMatchObject({ code });
    }
    client.send({ type: 'watch', fps: 5 });
    await until(() => client.binary.length > count, 'a frame again');
  });

  test('P-383 the same frames are a stream, for readers of streams', async () => {
    const answer = await request(server, '/v1/streams?limit=500');
    const names = answer.json<{ streams: { name: string }[] }>().streams.map(({ name }) => name);
    expect(names).toContain(`computers/${computer.id}/frames`);
    expect(names).toContain(`computers/${computer.id}/frames.${await mainTab(computer.id)}`);
  });

  test('P-396 pictures are as large and as good as the computer was made with', async () => {
    await using own = await createComputer(server, {
      display: { width: 800, height: 600 },
      screencast: { max_width: 400, max_height: 400, quality: 10 },
    });
    await done(server, own.id, 'navigate', { url: `${site.url}/red` });
    await using reader = await watch(own.id, '?format=json');
    const frame = await reader.frame((each) => each.data !== undefined, 'a frame');
    const { metadata } = JSON.parse(frame.data ?? '') as { metadata: Record<string, unknown> };
    expect(metadata).toMatchObject({
      width: 400,
      height: 300,
      scale: 0.5,
      viewport: { width: 800, height: 600 },
    });
    for (const screencast of [{ quality: 0 }, { quality: 101 }, { max_width: 1 }, 'big'])
      expect((await computers(server, 'POST', '', { screencast })).status).toBe(400);
  });

  async function mainTab(id: string): Promise<string> {
    const { result } = await act(server, id, 'execute', { type: 'list_tabs' });
    const tabs = result['tabs'] as { tab_id: string; is_main: boolean }[];
    return tabs.find(({ is_main }) => is_main)?.tab_id ?? '';
  }

  /** The number of the frame behind which none follows: the page stands still. */
  async function newestNumber(reader: EventReader): Promise<number> {
    let before = -1;
    await until(async () => {
      const now = numbersOf(reader).at(-1) ?? 0;
      const still = now === before;
      before = now;
      // An answer of the page: whatever it drew before has been filmed.
      await act(server, computer.id, 'execute', { type: 'wait', ms: 300 });
      return still;
    }, 'a page that stands still');
    return before;
  }
});

function numbersOf(reader: EventReader): readonly number[] {
  return picturesOfJson(reader).map((data) => Number(/"number":(\d+)/.exec(data.slice(-400))?.[1]));
}

function picturesOfJson(reader: EventReader): readonly string[] {
  return reader.frames.flatMap(({ data }) => (data === undefined ? [] : [data]));
}

/** So many parts of a multipart response, each once the head of the next has come: browsers wait for that. */
async function readParts(
  server: TestServer,
  path: string,
  count: number,
): Promise<{ readonly type: string | undefined; readonly parts: readonly Buffer[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ type: string | undefined; parts: Buffer[] }>();
  const outgoing = httpRequest(
    { host: '127.0.0.1', port: server.port, path, headers: { 'x-api-key': server.key }, agent: false },
    (incoming) => {
      const type = incoming.headers['content-type'];
      const head = `--${type?.split('boundary=')[1]}\r\nContent-Type: image/jpeg\r\n\r\n`;
      let bytes = Buffer.alloc(0);
      const parts: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => {
        bytes = Buffer.concat([bytes, piece]);
        for (;;) {
          const end = bytes.indexOf(`\r\n${head}`, head.length);
          if (end === -1) return;
          expect(bytes.subarray(0, head.length).toString()).toBe(head);
          parts.push(bytes.subarray(head.length, end));
          bytes = bytes.subarray(end + 2);
          if (parts.length < count) continue;
          resolve({ type, parts });
          incoming.destroy();
          return;
        }
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.end();
  return within(promise, `${count} parts`);
}

interface StuckSocket extends Disposable {
  /** Reads what is left, to the end. */
  ended(): Promise<void>;
}

/** A socket that asks for frames and reads none of them. */
async function openStuckSocket(server: TestServer, id: string): Promise<StuckSocket> {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  const message = Buffer.from('{"type":"watch"}');
  socket.write(
    `GET /v1/computers/${id}/ws?token=${server.key} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | message.length, 0, 0, 0, 0]), message]));
  await within(new Promise((resolve) => socket.once('readable', resolve)), 'the handshake');
  return {
    async ended() {
      const gone = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await within(gone, 'the end of the socket');
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
