import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  cameraPort,
  type CameraSocket,
  cameras,
  childrenOf,
  makeCamera,
  sendFrame,
  startCameraServer,
  tick,
  viewCamera,
  watchCamera,
} from '../support/cameras.ts';
import { isJpeg, readFrame } from '../support/frames.ts';
import { encoded, JPEGS } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem } from '../support/streams.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startCameraServer();
});
afterAll(() => server?.stop());

describe('watching cameras', () => {
  test('CC-14 a fresh server has a camera, on its own port and on that of cameras, without a credential', async () => {
    for (const port of [server.port, await cameraPort(server)]) {
      using viewer = await watchCamera(server, 'demo', { port, query: '' });
      expect((await viewer.frame()).camera_id).toBe('demo');
    }
  });

  test('CC-14 D-21 without a credential only public cameras, from no, a loopback or a listed origin', async () => {
    await makeCamera(server, { id: 'private' });
    const none = { query: '' };
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:5173', 'http://[::1]:8080'])
      (await watchCamera(server, 'demo', { ...none, headers: { origin } }))[Symbol.dispose]();
    const headers = { origin: 'https://elsewhere.example' };
    await expect(watchCamera(server, 'demo', { ...none, headers })).rejects.toThrow('refused');
    await expect(watchCamera(server, 'private', none)).rejects.toThrow('refused');
    // With a credential, from anywhere.
    (await watchCamera(server, 'private', { headers }))[Symbol.dispose]();
    const other = await makeKey(server, { scopes: ['cameras:read'], tenant: 'cc14' });
    await expect(watchCamera(server, 'private', { query: `?token=${other}` })).rejects.toThrow('refused');
    const blind = await makeKey(server, { scopes: ['streams:read'] });
    await expect(watchCamera(server, 'demo', { query: `?token=${blind}` })).rejects.toThrow('refused');
    await using listed = await startServer({
      env: { PLAYHEAD_ALLOWED_ORIGINS: 'https://elsewhere.example' },
    });
    (await watchCamera(listed, 'demo', { ...none, headers }))[Symbol.dispose]();
  });

  test('CC-15 CC-16 CC-17 every message is a text, and one frame: base64 of a JPEG, ms, and the id asked for', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '' });
    await viewer.when(() => viewer.texts[9], 'ten frames');
    expect(viewer.binary).toEqual([]);
    let before = 0;
    for (const { frame: text, timestamp, camera_id, ...rest } of viewer.frames) {
      expect(text).toMatch(/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
      expect(isJpeg(Buffer.from(text, 'base64'))).toBe(true);
      expect(Math.abs(Date.now() - timestamp)).toBeLessThan(60_000);
      expect(timestamp).toBeGreaterThan(before);
      expect([camera_id, rest]).toEqual(['demo', {}]);
      before = timestamp;
    }
  });

  test('CC-19 viewers come and go at any moment, and a server that stops closes them cleanly', async () => {
    await using other = await startServer();
    for (let i = 0; i < 10; i++) (await watchCamera(other, 'demo', { query: '' }))[Symbol.dispose]();
    using viewer = await watchCamera(other, 'demo', { query: '' });
    await viewer.frame();
    const stopped = other.kill('SIGTERM');
    expect((await viewer.closed()).code).toBe(1012);
    expect(await stopped).toEqual({ code: 0, signal: null });
  });

  test('CC-20 an unknown camera is refused with 404, in the shape of errors there', async () => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16, 1).toString('base64'),
    };
    for (const key of [null, server.key]) {
      const answer = await request(server, '/ws/stream/nowhere', { key, headers });
      expect([answer.status, answer.json()]).toEqual([
        404,
        { error: { code: 'NOT_FOUND', message: expect.any(String) as string } },
      ]);
    }
    expect((await request(server, '/ws/stream/demo', { key: null })).status).toBe(426);
    await expect(watchCamera(server, 'nowhere', { query: '' })).rejects.toThrow('refused');
  });

  test('CC-20 viewers of a camera that is deleted are closed for good', async () => {
    await makeCamera(server, { id: 'short-lived' });
    using viewer = await watchCamera(server, 'short-lived');
    expect((await cameras(server, 'DELETE', '/short-lived')).status).toBe(204);
    expect((await viewer.closed()).code).toBe(4520);
    expect((await cameras(server, 'GET', '/short-lived')).status).toBe(404);
  });

  test('CC-21 all viewers see the same, and one that wants fewer frames is told what it did not get', async () => {
    const viewers: CameraSocket[] = [];
    await makeCamera(server, { id: 'shared' });
    for (let i = 0; i < 5; i++) viewers.push(await watchCamera(server, 'shared'));
    const timestamp = tick();
    await sendFrame(server, { camera_id: 'shared', frame: encoded(JPEGS.red), timestamp });
    for (const viewer of viewers) {
      await viewer.frame((one) => one.timestamp === timestamp);
      expect(viewer.texts[0]).toBe(viewers[0]?.texts[0]);
      viewer[Symbol.dispose]();
    }
    using keen = await watchCamera(server, 'demo', { query: '' });
    using calm = await watchCamera(server, 'demo', { query: '?fps=2' });
    await calm.when(() => calm.texts[2], 'three frames');
    expect(calm.texts.length).toBeLessThan(keen.texts.length);
    const { viewers: seen } = await viewCamera(server, 'demo');
    expect(seen.some(({ dropped, frames }) => dropped > frames)).toBe(true);
    calm[Symbol.dispose]();
    const left = await cameraEvent(server, 'demo', 'viewer-left', ({ data }) => {
      return (data as { dropped: number }).dropped > 0;
    });
    expect(left.data).toMatchObject({ camera_id: 'demo', age_ms: { p99: expect.any(Number) as number } });
  });

  test('F8 frames are bytes for who asks for that, with number, time and size', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '', protocols: ['playhead.frames.v1'] });
    expect(viewer.socket.protocol).toBe('playhead.frames.v1');
    const first = await viewer.when(() => viewer.binary[0], 'a frame');
    const { head, jpeg } = readFrame(first);
    expect(head).toMatchObject({ number: expect.any(Number) as number, width: 640, height: 360 });
    expect(isJpeg(jpeg)).toBe(true);
    expect(viewer.texts).toEqual([]);
  });

  test('D-21 a picture, and pictures that replace each other, by the same rules', async () => {
    const one = await request(server, '/v1/cameras/demo/picture', { key: null });
    expect([one.status, one.headers['content-type'], one.headers['cache-control']]).toEqual([
      ...[200, 'image/jpeg', 'no-store'],
    ]);
    const foreign = { 'sec-fetch-site': 'cross-site' };
    for (const path of ['picture', 'stream']) {
      const refused = await request(server, `/v1/cameras/demo/${path}`, { key: null, headers: foreign });
      expectProblem(refused, 403, 'forbidden');
      expectProblem(await request(server, `/v1/cameras/private/${path}`, { key: null }), 404, 'not-found');
    }
    const response = await fetch(`${server.url}/v1/cameras/demo/stream`);
    expect(response.headers.get('content-type')).toMatch(/^multipart\/x-mixed-replace; boundary=/);
    const reader = response.body?.getReader();
    let bytes = Buffer.alloc(0);
    while (bytes.indexOf('Content-Type: image/jpeg', 100) === -1) {
      const { value } = (await reader?.read()) ?? {};
      bytes = Buffer.concat([bytes, value ?? Buffer.alloc(0)]);
    }
    await reader?.cancel();
  });

  test('D-25 a port of cameras that is taken is a warning, and the server serves', async () => {
    const port = String(await cameraPort(server));
    await using second = await startServer({ env: { PLAYHEAD_CAMERA_PORT: port } });
    using viewer = await watchCamera(second, 'demo', { query: '' });
    await viewer.frame();
    expect(second.stderr).toContain('PLAYHEAD_CAMERA_PORT');
    expect((await cameras(second, 'GET')).json<{ port: null }>().port).toBeNull();
  });

  test('D-25 the port of cameras serves their sockets and nothing else', async () => {
    const port = await cameraPort(server);
    for (const path of ['/v1/cameras', '/v1/streams', '/console/', '/keys']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-api-key': server.key } });
      expect([path, answer.status]).toEqual([path, 404]);
      await answer.body?.cancel();
    }
  });
});

describe('health', () => {
  test.skipIf(process.platform !== 'linux')(
    'D-30 a source that stands still is told frozen, and one whose process is killed comes back at once',
    async () => {
      await using own = await startServer({
        env: { PLAYHEAD_CAMERA_FROZEN_MS: '500', PLAYHEAD_CAMERA_CHECK_MS: '50' },
      });
      using viewer = await watchCamera(own, 'demo', { query: '' });
      await viewer.frame();
      const [pid = 0] = await childrenOf(own.pid);
      process.kill(pid, 'SIGSTOP');
      await cameraEvent(own, 'demo', 'frozen');
      process.kill(pid, 'SIGCONT');
      await cameraEvent(own, 'demo', 'recovered');
      const from = viewer.texts.length;
      process.kill(pid, 'SIGKILL');
      const restarting = await cameraEvent(own, 'demo', 'restarting');
      expect((restarting.data as { retry_ms: number }).retry_ms).toBeLessThanOrEqual(100);
      await viewer.frame(() => true, from + 1);
      const frames = viewer.frames.map(({ timestamp }) => timestamp);
      expect(frames).toEqual([...frames].sort((a, b) => a - b));
    },
  );

  test('D-30 a source is closed a while after the last viewer', async () => {
    await using own = await startServer({ env: { PLAYHEAD_FRAME_LINGER_MS: '50' } });
    using viewer = await watchCamera(own, 'demo', { query: '' });
    await viewer.frame();
    viewer[Symbol.dispose]();
    await cameraEvent(own, 'demo', 'closed');
    await until(async () => (await viewCamera(own, 'demo')).state.status === 'idle', 'the camera to be idle');
  });
});
