import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  type CameraView,
  cameras,
  makeCamera,
  sendFrame,
  startCameraServer,
  watchCamera,
} from '../support/cameras.ts';
import { readFrame } from '../support/frames.ts';
import { encoded, JPEGS } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startCameraServer();
});
afterAll(() => server?.stop());

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
    expect((await sendFrame(own, { camera_id: 'b', frame: encoded(JPEGS.red) })).status).toBe(503);
  });
});
