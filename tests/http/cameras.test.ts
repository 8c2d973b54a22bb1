import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  cameraPort,
  type CameraSocket,
  type CameraView,
  cameras,
  childrenOf,
  makeCamera,
  sendFrame,
  viewCamera,
  watchCamera,
} from '../support/cameras.ts';
import { isJpeg, readFrame } from '../support/frames.ts';
import { JPEG_SIZE, JPEGS, padded } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { PLAYHEAD_CAMERA_FROZEN_MS: '500', PLAYHEAD_CAMERA_CHECK_MS: '50' } });
});
afterAll(() => server?.stop());

const frame = (jpeg: Buffer): string => jpeg.toString('base64');

let sent = 0;
/** A timestamp that no frame before had. */
const tick = (): number => Date.now() - 5000 + ++sent;

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
    await sendFrame(server, { camera_id: 'shared', frame: frame(JPEGS.red), timestamp });
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

describe('pushed frames', () => {
  test('CC-22 a frame that a page sends makes a camera, on either path, and is seen', async () => {
    for (const path of ['/api/v1/actions/actions/send', '/api/v1/actions/api/v1/actions/actions/send']) {
      const id = `page ${path.length}`;
      const first = await sendFrame(
        server,
        { camera_id: id, frame: frame(JPEGS.red), timestamp: tick() },
        { path },
      );
      expect([first.status, first.json()]).toEqual([
        200,
        { success: true, id: expect.any(String) as string, camera_id: id, published: true },
      ]);
      using viewer = await watchCamera(server, id);
      const timestamp = tick();
      await sendFrame(server, { camera_id: id, frame: frame(JPEGS.green), timestamp }, { path });
      const seen = await viewer.frame((one) => one.timestamp === timestamp);
      expect(seen).toEqual({ frame: frame(JPEGS.green), timestamp, camera_id: id });
    }
    const { cameras: listed } = (await request(server, '/api/v1/actions/cameras')).json<{
      cameras: { id: string }[];
    }>();
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(['demo', 'page 28', 'page 43']));
  });

  test('CC-22 pages of any origin may send them, several MB each, at the rate of frames', async () => {
    const preflight = await request(server, '/api/v1/actions/actions/send', {
      method: 'OPTIONS',
      key: null,
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('*');
    expect(preflight.headers['access-control-allow-headers']?.toLowerCase()).toContain('authorization');
    const large = frame(padded(JPEGS.blue, 5_000_000));
    const answers = [];
    for (let i = 0; i < 10; i++)
      answers.push(await sendFrame(server, { camera_id: 'large', frame: large, timestamp: tick() }));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });

  test('CC-22 what is no frame is refused with what is wrong, and harms nobody', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '' });
    const wrong: [object, number][] = [
      [{ frame: 'not base64!' }, 400],
      [{ frame: frame(Buffer.from('GIF89a, truly')) }, 400],
      [{ frame: frame(JPEGS.red.subarray(0, 200)) }, 400],
      [{ frame: '' }, 400],
      [{}, 400],
      [{ frame: frame(JPEGS.red), streamType: 'audio' }, 400],
      [{ frame: frame(JPEGS.red), timestamp: 'now' }, 400],
      [{ frame: frame(JPEGS.red), camera_id: '../demo' }, 400],
      [{ frame: frame(padded(JPEGS.red, 20_000_000)) }, 413],
    ];
    for (const [body, status] of wrong) {
      const answer = await sendFrame(server, { camera_id: 'wrong', ...body });
      expect([status, answer.json()]).toEqual([
        answer.status,
        { error: expect.objectContaining({ message: expect.any(String) as string }) as object },
      ]);
    }
    const reader = await makeKey(server, { scopes: ['cameras:read'] });
    expect((await sendFrame(server, { frame: frame(JPEGS.red) }, { key: reader })).status).toBe(403);
    expect((await sendFrame(server, { frame: frame(JPEGS.red) }, { key: 'rdev_wrong' })).status).toBe(401);
    await viewer.frame(() => true, viewer.texts.length);
  });

  test('CC-23 D-28 what a viewer forwards does not come back: neither of a camera with a source, nor an old frame', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '' });
    const { timestamp, frame: text } = await viewer.frame();
    const forwarded = await sendFrame(server, {
      camera_id: 'demo',
      frame: text,
      timestamp: timestamp + 60_000,
    });
    expect([forwarded.status, forwarded.json()]).toEqual([
      202,
      expect.objectContaining({ success: true, published: false }),
    ]);
    using pushed = await (async () => {
      await sendFrame(server, { camera_id: 'loop', frame: frame(JPEGS.red), timestamp: tick() });
      return watchCamera(server, 'loop');
    })();
    const at = tick();
    const body = { camera_id: 'loop', frame: frame(JPEGS.blue), timestamp: at };
    expect((await sendFrame(server, body)).status).toBe(200);
    await pushed.frame((one) => one.timestamp === at);
    for (const again of [at, at - 1, 0])
      expect((await sendFrame(server, { ...body, timestamp: again })).status).toBe(202);
    // A clock that is far ahead does not keep those that are right from being heard.
    const before = Date.now();
    const ahead = await sendFrame(server, {
      ...body,
      frame: frame(JPEGS.green),
      timestamp: before + 3_600_000,
    });
    expect(ahead.status).toBe(200);
    const replaced = await pushed.frame((one) => one.frame === frame(JPEGS.green));
    expect(replaced.timestamp).toBeGreaterThanOrEqual(before - 1);
    expect(replaced.timestamp).toBeLessThan(before + 600_000);
    expect(pushed.frames.filter((one) => one.timestamp === at)).toHaveLength(1);
  });

  test('D-30 a camera that nobody pushes to any more is told silent, and told when it is back', async () => {
    await sendFrame(server, { camera_id: 'still', frame: frame(JPEGS.red), timestamp: tick() });
    await cameraEvent(server, 'still', 'opened');
    await cameraEvent(server, 'still', 'silent');
    expect((await viewCamera(server, 'still')).state.status).toBe('silent');
    await sendFrame(server, { camera_id: 'still', frame: frame(JPEGS.red), timestamp: tick() });
    await cameraEvent(server, 'still', 'recovered');
  });

  test('D-4 any text is an id, and its streams have a name', async () => {
    const id = 'Küche 2 (links)';
    await sendFrame(server, { camera_id: id, frame: frame(JPEGS.red), timestamp: tick() });
    const view = await viewCamera(server, id);
    expect(view.streams.frames).toBe('cameras/K~c3~bcche~202~20~28links~29/frames');
    expect((await request(server, `/v1/streams/${view.streams.events}`)).status).toBe(200);
  });
});

describe('cameras over HTTP', () => {
  test('CC-14 a camera is made, shown, listed, changed and deleted with all its streams', async () => {
    const made = await cameras(server, 'POST', '', {
      id: 'hall',
      url: 'pattern:smptebars',
      fps: 5,
      width: 320,
      quality: 60,
      detect: 'motion',
    });
    expect([made.status, made.headers['location']]).toEqual([201, '/v1/cameras/hall']);
    const view = made.json<CameraView & Record<string, unknown>>();
    expect(view).toMatchObject({
      ...{ id: 'hall', url: 'pattern:smptebars', fps: 5, width: 320, quality: 60, public: false },
      detect: { kind: 'motion', fps: 5 },
    });
    expectProblem(await cameras(server, 'POST', '', { id: 'hall' }), 409, 'conflict');
    using viewer = await watchCamera(server, 'hall', { protocols: ['playhead.frames.v1'] });
    const { head } = readFrame(await viewer.when(() => viewer.binary[0], 'a frame'));
    expect([head.width, head.height]).toEqual([320, 180]);
    const changed = await cameras(server, 'PATCH', '/hall', { width: 160, detect: null, public: true });
    expect(changed.json()).toMatchObject({ width: 160, detect: null, public: true, fps: 5 });
    const narrow = await viewer.when(
      () => viewer.binary.map((one) => readFrame(one).head).find(({ width }) => width === 160),
      'a frame of the new size',
    );
    expect(narrow.height).toBe(90);
    expect((await cameras(server, 'DELETE', '/hall')).status).toBe(204);
    for (const name of Object.values(view.streams))
      expect((await request(server, `/v1/streams/${name}`)).status).toBe(404);
    expectProblem(await cameras(server, 'DELETE', '/hall'), 404, 'not-found');
  });

  test('D-15 D-38 tenants have cameras of their own, and what a key may not it may not', async () => {
    const theirs = await makeKey(server, { scopes: ['cameras:write'], tenant: 'other' });
    expect((await cameras(server, 'POST', '', { id: 'mine', public: true }, theirs)).status).toBe(201);
    expect((await cameras(server, 'GET', '/demo', undefined, theirs)).status).toBe(404);
    expect((await cameras(server, 'GET', '/mine')).status).toBe(404);
    await expect(watchCamera(server, 'mine', { query: '' })).rejects.toThrow('refused');
    const { cameras: list } = (await cameras(server, 'GET', '', undefined, theirs)).json<{
      cameras: CameraView[];
    }>();
    expect(list.map(({ id }) => id)).toEqual(['mine']);
    const reader = await makeKey(server, { scopes: ['cameras:read'] });
    expect((await cameras(server, 'GET', '', undefined, reader)).status).toBe(200);
    for (const [method, path] of [
      ['POST', ''],
      ['PATCH', '/demo'],
      ['DELETE', '/demo'],
    ] as const)
      expectProblem(await cameras(server, method, path, { id: 'x' }, reader), 403, 'forbidden');
    expect((await cameras(server, 'GET', '', undefined, null)).status).toBe(401);
  });

  test('CC-20 what is malformed is refused by the name of its field', async () => {
    const wrong: [object, string][] = [
      [{ id: '' }, 'id'],
      [{ id: 'a/b' }, 'id'],
      [{ id: 'x', url: 'gopher://example.com' }, 'url'],
      [{ id: 'x', url: 'pattern:nothing' }, 'url'],
      [{ id: 'x', url: 'pattern:testsrc2?width=99999' }, 'url'],
      [{ id: 'x', url: 'file://other-host/a.mp4' }, 'url'],
      [{ id: 'x', fps: 0 }, 'fps'],
      [{ id: 'x', width: 3 }, 'width'],
      [{ id: 'x', quality: 101 }, 'quality'],
      [{ id: 'x', detect: 'magic' }, 'detect.kind'],
      [{ id: 'x', detect: 'motion' }, 'detect'],
      [{ id: 'x', colour: 'red' }, 'body'],
    ];
    for (const [body, field] of wrong) {
      const problem = expectProblem(await cameras(server, 'POST', '', body), 400, 'invalid-request');
      expect([body, problem['field']]).toEqual([body, field]);
    }
  });

  test('D-22 private addresses, files and devices need a permission, and a right', async () => {
    const plain = await makeKey(server, { scopes: ['cameras:write'] });
    const refused = async (url: string, key?: string): Promise<void> => {
      const answer = await cameras(server, 'POST', '', { id: 'x', url }, key);
      expectProblem(answer, 403, 'forbidden');
    };
    for (const key of [undefined, plain]) {
      await refused('rtsp://127.0.0.1:8554/a', key);
      await refused('http://10.1.2.3/video.mjpg', key);
      await refused('http://169.254.169.254/latest', key);
      await refused('file:///etc/passwd', key);
    }
    await refused('v4l2:/dev/video0', plain);
    await using open = await startServer({ env: { PLAYHEAD_ALLOW_PRIVATE_NETWORKS: '1' } });
    const url = 'rtsp://127.0.0.1/a';
    expect((await cameras(open, 'POST', '', { id: 'x', url })).status).toBe(201);
    const weak = await makeKey(open, { scopes: ['cameras:write'] });
    expectProblem(await cameras(open, 'POST', '', { id: 'y', url }, weak), 403, 'forbidden');
    // What an admin opened is not led elsewhere by anybody else.
    const elsewhere = { url: 'rtsp://127.0.0.1:8554/b' };
    expectProblem(await cameras(open, 'PATCH', '/x', elsewhere, weak), 403, 'forbidden');
  });

  test('D-23 credentials of a URL are kept, and shown nowhere', async () => {
    const env = { PLAYHEAD_ALLOW_PRIVATE_NETWORKS: '1', PLAYHEAD_LOG_LEVEL: 'debug' };
    await using own = await startServer({ env });
    const made = await makeCamera(own, {
      id: 'door',
      url: 'rtsp://root:s3cret-w0rd@127.0.0.1:4/live?channel=1&pw=t0psecret',
    });
    expect(made.url).toBe('rtsp://127.0.0.1:4/live?channel=…&pw=…');
    using viewer = await watchCamera(own, 'door');
    await cameraEvent(own, 'door', 'failed');
    // Sent back as it is shown, it is what it was.
    await cameras(own, 'PATCH', '/door', { url: made.url, quality: 50 });
    await own.restart();
    using again = await watchCamera(own, 'door');
    await cameraEvent(own, 'door', 'failed');
    const seen = [
      (await cameras(own, 'GET')).text,
      (await request(own, '/api/v1/actions/cameras')).text,
      JSON.stringify(await readPage(own, 'cameras/door/events', '?after=start&limit=1000')),
      own.stderr,
      own.stdout,
    ].join('\n');
    expect(seen).not.toMatch(/s3cret|t0psecret/);
    expect([viewer.texts, again.texts]).toEqual([[], []]);
  });

  test('CC-14 cameras outlive a restart, and a deleted demo does not come back', async () => {
    await using own = await startServer();
    await makeCamera(own, { id: 'kept', url: 'pattern:testsrc2', public: true });
    await cameras(own, 'DELETE', '/demo');
    await own.restart();
    using viewer = await watchCamera(own, 'kept', { query: '' });
    expect((await viewer.frame()).camera_id).toBe('kept');
    const { cameras: list } = (await cameras(own, 'GET')).json<{ cameras: CameraView[] }>();
    expect(list.map(({ id }) => id)).toEqual(['kept']);
  });

  test('CC-14 changes at the same time are made one after the other, and none brings a deleted camera back', async () => {
    await makeCamera(server, { id: 'busy', url: 'pattern:testsrc2' });
    const changes = [{ fps: 3 }, { width: 320 }, { quality: 33 }, { public: true }, { loop: false }];
    await Promise.all(changes.map((change) => cameras(server, 'PATCH', '/busy', change)));
    expect((await cameras(server, 'GET', '/busy')).json()).toMatchObject(
      Object.assign({}, ...changes) as object,
    );
    const answers = await Promise.all([
      cameras(server, 'PATCH', '/busy', { fps: 4 }),
      cameras(server, 'DELETE', '/busy'),
      cameras(server, 'PATCH', '/busy', { fps: 5 }),
      cameras(server, 'DELETE', '/busy'),
    ]);
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect((await cameras(server, 'GET', '/busy')).status).toBe(404);
    expect((await cameras(server, 'POST', '', { id: 'busy' })).status).toBe(201);
  });

  test('CC-14 a camera that is changed is opened anew, and needs no second place among those that are open', async () => {
    await using own = await startServer({ env: { PLAYHEAD_CAMERA_MAX_RUNNING: '1' } });
    using viewer = await watchCamera(own, 'demo', { query: '', protocols: ['playhead.frames.v1'] });
    await viewer.when(() => viewer.binary[0], 'a frame');
    await cameras(own, 'PATCH', '/demo', { width: 320 });
    await viewer.when(
      () => viewer.binary.find((message) => readFrame(message).head.width === 320),
      'a frame of the new size',
    );
    const { events } = await readPage(own, 'cameras/demo/events', '?after=start');
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 5)).toEqual(['opening', 'opened', 'closed', 'opening', 'opened']);
    await makeCamera(own, { id: 'second', url: 'pattern:testsrc2' });
    using _other = await watchCamera(own, 'second');
    const failed = await cameraEvent(own, 'second', 'failed');
    expect(failed.data).toMatchObject({ reason: 'limit' });
  });

  test('D-6 a tenant has as many cameras as it may', async () => {
    await using own = await startServer({ env: { PLAYHEAD_CAMERA_MAX_PER_TENANT: '2' } });
    expect((await cameras(own, 'POST', '', { id: 'a' })).status).toBe(201);
    expectProblem(await cameras(own, 'POST', '', { id: 'b' }), 503, 'overloaded');
    expect((await sendFrame(own, { camera_id: 'b', frame: frame(JPEGS.red) })).status).toBe(503);
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

test('CC-16 frames made of pushed pictures have the size that is in them', async () => {
  await sendFrame(server, { camera_id: 'sized', frame: frame(JPEGS.red), timestamp: tick() });
  using viewer = await watchCamera(server, 'sized', { protocols: ['playhead.frames.v1'] });
  const { head } = readFrame(await viewer.when(() => viewer.binary[0], 'a frame'));
  expect(head).toMatchObject(JPEG_SIZE);
});
