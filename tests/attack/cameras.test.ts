import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badCameras, listenOn, othersLive, resized, startOpenServer } from '../support/bad-cameras.ts';
import type { CameraHttp } from '../support/camera-http.ts';
import {
  cameraEvent,
  type CameraView,
  cameras,
  childrenOf,
  makeCamera,
  openCameraPath,
  sendFrame,
  viewCamera,
  watchCamera,
} from '../support/cameras.ts';
import { encoded, JPEG_SIZE, JPEGS, padded } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { readPage } from '../support/streams.ts';
import { until } from '../support/within.ts';

/** What stands in a URL and must never be seen again. */
const SECRETS = ['s3cret-user', 's3cret-pass', 's3cret-token'] as const;
const [USER, PASS, TOKEN] = SECRETS;

const { red, green } = JPEGS;

describe('who means cameras ill', () => {
  let upstream: CameraHttp;
  let server: TestServer;

  beforeAll(async () => {
    upstream = await badCameras({ secretFile: '/nowhere', away: 1 });
    server = await startOpenServer();
  });
  afterAll(async () => {
    await server?.stop();
    await upstream?.[Symbol.asyncDispose]();
  });

  let made = 0;
  const fresh = (): string => `attacked-${++made}`;

  test.each(['http', 'rtsp'])(
    'D-23 credentials in a URL of %s are used, and never seen again',
    async (kind) => {
      const id = fresh();
      let heard = '';
      const rtsp = await listenOn((socket) => {
        socket.on('data', (bytes: Buffer) => {
          heard += bytes.toString();
          const cseq = /CSeq: *(\d+)/i.exec(bytes.toString())?.[1] ?? '1';
          socket.write(
            `RTSP/1.0 401 Unauthorized\r\nCSeq: ${cseq}\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n`,
          );
        });
      });
      const port = kind === 'rtsp' ? rtsp.port : upstream.port;
      const url = `${kind}://${USER}:${PASS}@127.0.0.1:${port}/401?token=${TOKEN}`;
      const answers = [await cameras(server, 'POST', '', { id, url, recording: true })];
      expect(answers[0]?.status).toBe(201);
      using _viewer = await watchCamera(server, id);
      const processes: string[] = [];
      const failed = cameraEvent(server, id, 'failed').then(() => true);
      for (let over = false; !over; ) {
        for (const pid of await childrenOf(server.pid)) processes.push(await processText(pid));
        over = await Promise.race([
          failed,
          new Promise<false>((resolve) => setImmediate(() => resolve(false))),
        ]);
      }
      expect(processes.length).toBeGreaterThan(0);
      expect((await viewCamera(server, id)).state).toMatchObject({ reason: 'unauthorized' });
      answers.push(
        await cameras(server, 'GET', `/${id}`),
        await cameras(server, 'GET'),
        await cameras(server, 'GET', `/${id}/picture`),
        await cameras(server, 'GET', `/${id}/recording`),
        await request(server, '/api/v1/actions/cameras'),
        await cameras(server, 'PATCH', `/${id}`, { quality: 50 }),
        await cameras(server, 'PATCH', `/${id}`, { url: `gopher://${USER}:${PASS}@127.0.0.1/?${TOKEN}` }),
        await cameras(server, 'POST', '', { id: fresh(), url: `${kind}://${USER}:${PASS}@/?${TOKEN}` }),
        await cameras(server, 'POST', '', {
          id: fresh(),
          url: `${kind}://${USER}:${PASS}@10.0.0.1/?${TOKEN}`,
        }),
        await request(server, `/v1/streams/cameras/${id}/events?after=start`),
        await request(server, '/v1/streams?prefix=cameras/'),
      );
      // They are used.
      const basic = Buffer.from(`${USER}:${PASS}`).toString('base64');
      if (kind === 'rtsp') expect(heard).toContain(basic);
      expect(kind === 'rtsp' ? heard : upstream.asked.join(' ')).toContain(TOKEN);
      const seen = [...answers.map(({ text }) => text), server.stdout, server.stderr, ...processes];
      for (const secret of [...SECRETS, basic]) for (const text of seen) expect(text).not.toContain(secret);
      await cameras(server, 'DELETE', `/${id}`);
      await rtsp.close();
      // What is deleted is gone for good.
      await server.restart();
      expect((await cameras(server, 'GET', `/${id}`)).status).toBe(404);
    },
  );

  test('what is pushed and is no JPEG is refused, and makes no camera', async () => {
    const frames: Readonly<Record<string, Buffer>> = {
      empty: Buffer.alloc(0),
      text: Buffer.from('not a picture, whatever its sender says'),
      noise: randomBytes(10_000),
      png: Buffer.from('89504e470d0a1a0a0000000d494844520000000100000001', 'hex'),
      begin: red.subarray(0, 2),
      cut: red.subarray(0, red.length - 4),
      end: Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(64), Buffer.from([0xff, 0xd9])]),
      nothing: resized(0, 0),
    };
    for (const [name, frame] of Object.entries(frames)) {
      const id = `pushed-${name}`;
      const answer = await sendFrame(server, { camera_id: id, frame: encoded(frame) });
      expect([answer.status, name]).toEqual([400, name]);
      expect((await cameras(server, 'GET', `/${id}`)).status, name).toBe(404);
    }
    const huge = padded(red, 20 * 2 ** 20);
    const answer = await sendFrame(server, { camera_id: 'pushed-huge', frame: encoded(huge) });
    expect(answer.status).toBe(413);
    expect((await cameras(server, 'GET', '/pushed-huge')).status).toBe(404);
    for (const frame of ['%%%', 'a'.repeat(1000), 7, null, ['a'], { a: 1 }])
      expect((await sendFrame(server, { camera_id: 'pushed-other', frame })).status).toBe(400);
    for (const body of [
      { timestamp: -1 },
      { timestamp: 'now' },
      { timestamp: 1e300 },
      { camera_id: '../etc' },
      { camera_id: 'a/b' },
      { camera_id: '' },
      { camera_id: 'x'.repeat(200) },
      { streamType: 'other' },
      { detections: [{ class: 'a', confidence: 2, bbox: [0, 0, 1, 1] }] },
      { detections: [{ class: 'a', confidence: 1, bbox: [60, 0, 10, 10] }] },
      { detections: [{ class: 'a', confidence: 1, bbox: [0, 0, -1, 1] }] },
      { detections: [{ class: 'a', confidence: 1, bbox: [0, 0, 1] }] },
      { detections: Array.from({ length: 501 }, () => ({ class: 'a', confidence: 1, bbox: [0, 0, 1, 1] })) },
    ]) {
      const sent = await sendFrame(server, { camera_id: 'pushed', frame: encoded(red), ...body });
      expect([sent.status, JSON.stringify(body).slice(0, 80)]).toEqual([
        400,
        JSON.stringify(body).slice(0, 80),
      ]);
    }
    await othersLive(server);
  });

  test('what is found outside of the frame, or in one long gone, is refused', async () => {
    const id = fresh();
    await makeCamera(server, { id, detect: 'outside' });
    using viewer = await watchCamera(server, id, { protocols: ['playhead.frames.v1'] });
    const timestamp = Date.now();
    await sendFrame(server, { camera_id: id, frame: encoded(red), timestamp });
    await viewer.when(() => viewer.binary[0], 'the frame');
    const report = async (frame: object, bbox: unknown): Promise<number> =>
      (
        await cameras(server, 'POST', `/${id}/detections`, {
          frame,
          objects: [{ class: 'cat', confidence: 1, bbox }],
        })
      ).status;
    const { width, height } = JPEG_SIZE;
    for (const bbox of [
      [-1, 0, 5, 5],
      [0, 0, width + 1, 5],
      [0, height, 5, 1],
      [0, 0, 0, 0],
      [1e308, 1e308, 1e308, 1e308],
      ['0', 0, 1, 1],
      null,
    ])
      expect(await report({ timestamp }, bbox), JSON.stringify(bbox)).toBe(400);
    expect(await report({ timestamp: timestamp - 86_400_000 }, [0, 0, 1, 1])).toBeOneOf([404, 410]);
    expect(await report({ timestamp: timestamp + 86_400_000 }, [0, 0, 1, 1])).toBe(404);
    expect(await report({ number: 1_000_000 }, [0, 0, 1, 1])).toBe(404);
    expect(await report({ position: 'nonsense' }, [0, 0, 1, 1])).toBe(400);
    for (const frame of [{}, { number: 1, timestamp }, { number: 0 }, 'x', null])
      expect(await report(frame as object, [0, 0, 1, 1])).toBe(400);
    const { events } = await readPage(server, `cameras/${id}/detections`, '?after=start');
    expect(events).toEqual([]);
    await cameras(server, 'DELETE', `/${id}`);
  });

  test('a model that is none is told, and pictures go on', async () => {
    const models = await mkdtemp(join(tmpdir(), 'playhead-models-'));
    try {
      await writeFile(join(models, 'noise.onnx'), randomBytes(10_000));
      await using own = await startServer({ env: { PLAYHEAD_CAMERA_FOLDERS: models } });
      const detect = { kind: 'onnx', labels: ['thing'], fps: 10 };
      const pattern = 'pattern:testsrc2?width=160&height=120&fps=10';
      const model = join(models, 'noise.onnx');
      await makeCamera(own, { id: 'model', url: pattern, detect: { ...detect, model } });
      using viewer = await watchCamera(own, 'model');
      const { data } = await cameraEvent(own, 'model', 'detector-failed');
      expect((data as { message: string }).message).toMatch(/^[A-Z].*\.$/);
      const before = viewer.texts.length;
      await viewer.when(() => viewer.texts[before + 3], 'frames without the detector');
      for (const outside of ['/etc/passwd', join(models, '..', 'other.onnx'), 'relative.onnx']) {
        const other = { id: 'other', url: pattern, detect: { ...detect, model: outside } };
        const answer = await cameras(own, 'POST', '', other);
        expect([400, 403], outside).toContain(answer.status);
      }
    } finally {
      await rm(models, { recursive: true, force: true });
    }
  });

  test("another tenant's cameras are not there, on any path", async () => {
    const id = fresh();
    await makeCamera(server, { id, recording: true });
    await sendFrame(server, { camera_id: id, frame: encoded(red) });
    const scopes = ['cameras:read', 'cameras:write', 'streams:read', 'streams:write'];
    const key = await makeKey(server, { scopes, tenant: 'strangers' });
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { quality: 10 }],
      ['DELETE', '', undefined],
      ['GET', '/frame', undefined],
      ['GET', '/recording', undefined],
      ['GET', `/recording?at=${Date.now()}`, undefined],
      ['GET', '/recording.webm', undefined],
      ['POST', '/recording', {}],
      ['DELETE', '/recording?erase=true', undefined],
      ['POST', '/detections', { frame: { number: 1 }, objects: [] }],
    ] as const) {
      const answer = await cameras(server, method, `/${id}${path}`, body, key);
      expect([answer.status, method, path]).toEqual([404, method, path]);
    }
    for (const part of ['frames', 'annotated', 'detections', 'events', 'recording'])
      expect((await request(server, `/v1/streams/cameras/${id}/${part}`, { key })).status, part).toBe(404);
    expect((await cameras(server, 'GET', '', undefined, key)).json<{ cameras: unknown[] }>().cameras).toEqual(
      [],
    );
    await expect(watchCamera(server, id, { query: `?token=${key}` })).rejects.toThrow('refused');
    await expect(watchCamera(server, 'demo', { query: `?token=${key}` })).rejects.toThrow('refused');
    // A push by the same name makes one of their own.
    await sendFrame(server, { camera_id: id, frame: encoded(green) }, { key });
    const [own, theirs] = await Promise.all([
      cameras(server, 'GET', `/${id}/recording?at=${Date.now()}`),
      cameras(server, 'GET', `/${id}/recording?at=${Date.now()}`, undefined, key),
    ]);
    expect([own.status === 200 && own.bytes.equals(green), theirs.status]).toEqual([false, 404]);
    // Keys without the scope, and none.
    const blind = await makeKey(server, { scopes: ['computers:read', 'streams:read'] });
    for (const [other, status] of [
      [blind, 403],
      [null, 401],
    ] as const) {
      for (const path of ['', `/${id}`, `/${id}/recording`, `/${id}/recording.mp4`])
        expect((await cameras(server, 'GET', path, undefined, other)).status, path).toBe(status);
      expect((await cameras(server, 'POST', '', { id: 'x' }, other)).status).toBe(status);
    }
    await cameras(server, 'DELETE', `/${id}`);
  });

  test('what is sent to the sockets and is not theirs is refused, and the server goes on', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '' });
    await viewer.frame();
    viewer.socket.send('{"type":"start"}');
    viewer.socket.send(randomBytes(1000));
    const before = viewer.texts.length;
    const outcome = await Promise.race([
      viewer.closed().then(() => 'closed'),
      viewer.when(() => viewer.texts[before + 3], 'more frames').then(() => 'goes on'),
    ]);
    expect(['closed', 'goes on']).toContain(outcome);
    using publisher = await openCameraPath(server, '/v1/cameras/published/publish', {
      query: `?token=${server.key}`,
    });
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from([0xff, 0xd8]),
      randomBytes(5000),
      Buffer.concat([Buffer.from([0x00, 0x02]), Buffer.from('{}'), Buffer.from('no jpeg')]),
      Buffer.concat([Buffer.from([0x00, 0x02]), Buffer.from('[}'), red]),
    ])
      publisher.socket.send(bytes);
    publisher.socket.send(red);
    await publisher.when(() => publisher.texts[5], 'six answers');
    const answers = publisher.texts.map((text) => (JSON.parse(text) as { type: string }).type);
    expect(answers).toEqual(['refused', 'refused', 'refused', 'refused', 'refused', 'taken']);
    await othersLive(server);
  });

  test('F8 a viewer that takes nothing is cut off, and slows nobody', async () => {
    await using own = await startServer({ env: { PLAYHEAD_PACE_MS: '1500' } });
    await makeCamera(own, { id: 'large', url: 'pattern:testsrc2?width=1280&height=720&fps=15' });
    const stalled = await stalledViewer(own, 'large');
    using viewer = await watchCamera(own, 'large');
    await viewer.when(() => viewer.texts[5], 'frames for the other');
    await stalled.closed;
    const before = viewer.texts.length;
    await viewer.when(() => viewer.texts[before + 5], 'frames after it was cut off');
    await until(async () => (await viewCamera(own, 'large')).viewers.length === 1, 'one viewer to be left');
  });

  test('no more cameras, and no more open sources, than are allowed', async () => {
    await using own = await startServer({
      env: { PLAYHEAD_CAMERA_MAX_PER_TENANT: '3', PLAYHEAD_CAMERA_MAX_RUNNING: '1' },
    });
    const url = 'pattern:testsrc2?width=64&height=48&fps=5';
    const made: CameraView[] = [
      await makeCamera(own, { id: 'one', url }),
      await makeCamera(own, { id: 'two', url }),
    ];
    expect(made).toHaveLength(2);
    const refused = await cameras(own, 'POST', '', { id: 'three', url });
    expect(refused.status).toBe(503);
    expect((await sendFrame(own, { camera_id: 'four', frame: encoded(red) })).status).toBe(503);
    using first = await watchCamera(own, 'one');
    await first.frame();
    using second = await watchCamera(own, 'two');
    const { data } = await cameraEvent(own, 'two', 'failed');
    expect(data).toMatchObject({ reason: 'limit' });
    first[Symbol.dispose]();
    await second.frame();
    expect(await childrenOf(own.pid)).toHaveLength(1);
  });
});

/** What anybody on the machine can see of a process. Empty once it is gone. */
async function processText(pid: number): Promise<string> {
  const parts = ['cmdline', 'environ', 'comm'].map((part) =>
    readFile(`/proc/${pid}/${part}`, 'utf8').catch(() => ''),
  );
  const links = readdir(`/proc/${pid}/fd`).catch(() => []);
  return [...(await Promise.all(parts)), ...(await links)].join('\n');
}

/** A viewer that says hello and then reads nothing, and answers no ping. */
async function stalledViewer(server: TestServer, id: string): Promise<{ closed: Promise<void> }> {
  const socket = connect(server.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.write(
    `GET /ws/stream/${id}?token=${server.key} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  // What comes is read, or its end would not be noticed; that frames came is answered by nothing.
  socket.resume();
  return { closed };
}
