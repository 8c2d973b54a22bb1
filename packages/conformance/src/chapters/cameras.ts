import { describe, expect, test } from 'vitest';
import { ask, begin, expectProblem } from '../ask.ts';
import {
  type CameraView,
  cameras,
  dropCamera,
  frameOf,
  freshCamera,
  JPEG,
  makeCamera,
  sendFrame,
  watchCamera,
} from '../cameras.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { openPath } from '../socket.ts';
import { datas, readAll } from '../streams.ts';
import { target } from '../target.ts';
import { until } from '../within.ts';

const CAT = { class: 'cat', confidence: 0.5, bbox: [4, 8, 20, 16] };

let sent = 0;
/** A time that no frame before had. */
const tick = (): number => Date.now() - 5000 + ++sent;

interface Head {
  readonly time: number;
  readonly width: number;
  readonly height: number;
  readonly number: number;
}

const readHead = (bytes: Buffer): Head =>
  JSON.parse(bytes.toString('utf8', 2, 2 + bytes.readUInt16BE(0))) as Head;

const events = async (camera: CameraView): Promise<{ type: string }[]> =>
  datas(await readAll(camera.streams.events)) as { type: string }[];

// Cameras that are pushed to take nothing of the server; only patterns take what decodes video.
describe('20 Cameras', () => {
  test('P-500 P-501 P-520 P-521 each message is a frame; what is sent is seen, once, by its time and its id', async () => {
    await using camera = await makeCamera();
    const { id } = camera;
    using viewer = await watchCamera(id);
    viewer.send({ type: 'hello' });
    const timestamp = tick();
    const answer = await sendFrame({ camera_id: id, timestamp, detections: [CAT] });
    expect([answer.status, answer.json()]).toEqual([
      200,
      { success: true, id: expect.any(String) as string, camera_id: id, published: true },
    ]);
    const frame = { frame: JPEG.toString('base64'), timestamp, camera_id: id };
    expect(await frameOf(viewer)).toEqual({ ...frame, detections: [CAT] });
    const again = await sendFrame({ camera_id: id, timestamp });
    expect([again.status, again.json()]).toEqual([202, expect.objectContaining({ published: false })]);
    const other = '/api/v1/actions/api/v1/actions/actions/send';
    const next = tick();
    expect((await sendFrame({ camera_id: id, timestamp: next }, other)).status).toBe(200);
    expect(await frameOf(viewer, (one) => one.timestamp === next)).toEqual({ ...frame, timestamp: next });
    const far = await sendFrame({ camera_id: id, timestamp: Date.now() + 3_600_000 });
    expect(far.status).toBe(200);
    const replaced = await frameOf(viewer, (one) => one.timestamp > next);
    expect(replaced.timestamp).toBeLessThan(Date.now() + 600_000);
    expect(viewer.messages).toHaveLength(3);
  });

  test('P-502 P-503 P-506 who may not see a camera sees none', async () => {
    await using camera = await makeCamera();
    await using open = await makeCamera({ public: true });
    const { key } = await makeKey({ scopes: ['cameras:read'], tenant: freshTenant() });
    const refused = [
      `/ws/stream/${camera.id}`,
      `/ws/stream/${camera.id}?token=${encodeURIComponent(key)}`,
      `/ws/stream/${freshCamera()}?token=${encodeURIComponent(target.key)}`,
    ];
    for (const path of refused) await expect(openPath(path)).rejects.toThrow('refused');
    for (const what of ['picture', 'stream']) {
      expectProblem(await cameras('GET', `/${camera.id}/${what}`, undefined, null), 404, 'not-found');
      const headers = { 'sec-fetch-site': 'cross-site' };
      const foreign = await ask(`/v1/cameras/${open.id}/${what}`, { key: null, headers });
      expectProblem(foreign, 403, 'forbidden');
    }
    using viewer = await openPath(`/ws/stream/${open.id}`);
    await dropCamera(open.id);
    expect(await viewer.closed()).toBe(4520);
  });

  test('P-505 P-507 P-508 frames are bytes for who asks for that, and events of streams', async () => {
    await using camera = await makeCamera({ id: `${freshCamera()} ü`, detect: 'outside' });
    const prefix = `cameras/${camera.id.replace(' ', '~20').replace('ü', '~c3~bc')}/`;
    const names = ['frames', 'annotated', 'detections', 'events'].map((part) => [part, `${prefix}${part}`]);
    expect(camera.streams).toMatchObject(Object.fromEntries(names) as object);
    const path = `/ws/stream/${encodeURIComponent(camera.id)}?token=${encodeURIComponent(target.key)}`;
    using viewer = await openPath(path, ['playhead.frames.v1']);
    const times = [tick(), tick()];
    await sendFrame({ camera_id: camera.id, timestamp: times[0] });
    await viewer.when(() => viewer.binary[0], 'a frame');
    await sendFrame({ camera_id: camera.id, timestamp: times[1] });
    const second = await viewer.when(() => viewer.binary[1], 'another frame');
    expect(readHead(second)).toMatchObject({
      ...{ time: times[1], width: 64, height: 48, frame: expect.any(Number) as number },
      position: expect.any(String) as string,
    });
    expect(second.subarray(2 + second.readUInt16BE(0))).toEqual(JPEG);
    expect(viewer.messages).toEqual([]);
  });

  test('P-506 the newest picture, and pictures that replace each other', async () => {
    await using camera = await makeCamera();
    using _viewer = await watchCamera(camera.id);
    const timestamp = tick();
    await sendFrame({ camera_id: camera.id, timestamp });
    const picture = await cameras('GET', `/${camera.id}/picture`);
    expect([picture.status, picture.bytes]).toEqual([200, JPEG]);
    expect(picture.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'x-frame-timestamp': String(timestamp),
      'x-frame-size': '64x48',
    });
    const parts = await begin(`/v1/cameras/${camera.id}/stream`, {});
    expect(parts.headers['content-type']).toMatch(/^multipart\/x-mixed-replace; ?boundary=/);
    parts.destroy();
  });

  test('P-510 P-513 P-518 cameras are made, shown, listed, changed and deleted', async () => {
    const id = freshCamera();
    const made = await cameras('POST', '', { id, quality: 50 });
    expect([made.status, made.json()]).toEqual([
      201,
      expect.objectContaining({ id, url: null, quality: 50 }),
    ]);
    expectProblem(await cameras('POST', '', { id }), 409, 'conflict');
    const listed = (await cameras('GET')).json<{ cameras: CameraView[]; port: number | null }>();
    expect(listed.cameras.map((one) => one.id)).toContain(id);
    expect(listed).toHaveProperty('port');
    const actions = (await ask('/api/v1/actions/cameras')).json<{ cameras: object[] }>();
    expect(actions.cameras).toContainEqual(expect.objectContaining({ id, camera_id: id, status: 'idle' }));
    expect((await ask('/api/v1/actions/cameras', { key: null })).json()).toMatchObject({
      error: { code: 'UNAUTHORIZED' },
    });
    expect((await cameras('PATCH', `/${id}`, { public: true })).json()).toMatchObject({ public: true });
    const { streams } = made.json<CameraView>();
    await dropCamera(id);
    for (const name of Object.values(streams)) expect((await ask(`/v1/streams/${name}`)).status).toBe(404);
    const named = freshCamera();
    expect((await sendFrame({ camera_id: named, timestamp: tick() })).status).toBe(200);
    expect((await cameras('GET', `/${named}`)).json()).toMatchObject({ id: named, url: null });
    await dropCamera(named);
  });

  test('P-510 P-512 what makes no sense is refused by its field, and no password is shown', async () => {
    for (const [body, field] of [
      [{ id: 'a/b' }, 'id'],
      [{ id: freshCamera(), url: 'gopher://example.com' }, 'url'],
      [{ id: freshCamera(), fps: 0 }, 'fps'],
      [{ id: freshCamera(), detect: 'motion' }, 'detect'],
    ] as const)
      expect(expectProblem(await cameras('POST', '', body), 400, 'invalid-request')['field']).toBe(field);
    // A name that nobody has. Nothing is opened, for nobody watches.
    const url = 'rtsp://user:passw0rd@camera.invalid/live?pw=s3cret';
    const id = freshCamera();
    const answer = await cameras('POST', '', { id, url });
    expect(answer.status).toBe(201);
    try {
      expect(answer.json()).toMatchObject({ url: 'rtsp://camera.invalid/live?pw=…' });
      const same = await cameras('PATCH', `/${id}`, { url: answer.json<CameraView>().url });
      expect(same.text).not.toMatch(/passw0rd|s3cret/);
    } finally {
      await dropCamera(id);
    }
  });

  test('P-515 P-516 what becomes of a camera is told', async () => {
    await using camera = await makeCamera();
    await sendFrame({ camera_id: camera.id, timestamp: tick() });
    const types = async (): Promise<string[]> => (await events(camera)).map(({ type }) => type);
    await until(async () => (await types()).includes('silent'), 'pushes to cease');
    expect((await cameras('GET', `/${camera.id}`)).json()).toMatchObject({ state: { status: 'silent' } });
    await sendFrame({ camera_id: camera.id, timestamp: tick() });
    await until(async () => (await types()).includes('recovered'), 'pushes to be back');
    expect(await events(camera)).toContainEqual(
      expect.objectContaining({
        ...{ type: 'opened', camera_id: camera.id, width: 64, height: 48 },
        timestamp: expect.stringMatching(/Z$/) as string,
      }),
    );
  });

  test('P-522 what is no JPEG is no frame', async () => {
    await using camera = await makeCamera();
    for (const frame of ['', 'not base64!', JPEG.subarray(0, 100).toString('base64')])
      expect((await sendFrame({ camera_id: camera.id, frame })).status).toBe(400);
    const huge = Buffer.alloc(20 * 2 ** 20).toString('base64');
    expect((await sendFrame({ camera_id: camera.id, frame: huge })).status).toBe(413);
  });

  test('P-523 frames are published on a socket, each answered', async () => {
    await using camera = await makeCamera();
    using viewer = await watchCamera(camera.id);
    const token = encodeURIComponent(target.key);
    using sender = await openPath(`/v1/cameras/${camera.id}/publish?token=${token}`);
    sender.send(JPEG);
    expect(await sender.message('taken')).toMatchObject({ published: true });
    const head = Buffer.from(JSON.stringify({ time: Date.now() + 1000, detections: [CAT] }));
    sender.send(Buffer.concat([Buffer.from([0, head.length]), head, JPEG]));
    await frameOf(viewer, ({ detections }) => detections?.length === 1);
    sender.send(Buffer.from('neither'));
    expect(await sender.message('refused')).toMatchObject({ code: expect.any(String) as string });
  });

  test('P-530 P-532 P-533 P-534 what is found is kept by the name of its frame', async () => {
    await using camera = await makeCamera({ detect: 'outside' });
    const report = (body: object) => cameras('POST', `/${camera.id}/detections`, body);
    using viewer = await watchCamera(camera.id);
    const timestamp = tick();
    await sendFrame({ camera_id: camera.id, timestamp });
    await frameOf(viewer);
    // The frame has gone on: it waited for as long as the server lets it.
    const late = await report({ frame: { timestamp }, detector: 'mine', objects: [CAT] });
    expect([late.status, late.json()]).toMatchObject([201, { late: true, frame: { timestamp } }]);
    expect(datas(await readAll(camera.streams.detections))).toEqual([
      {
        frame: {
          ...{ position: expect.any(String) as string, number: expect.any(Number) as number },
          ...{ timestamp, width: 64, height: 48 },
        },
        ...{ detector: 'mine', late: true, objects: [CAT] },
      },
    ]);
    const outside = { ...CAT, bbox: [60, 0, 20, 10] };
    const refused = await report({ frame: { timestamp }, objects: [outside] });
    expect(expectProblem(refused, 400, 'invalid-request')['field']).toBe('objects.0.bbox');
    const lost = await report({ frame: { timestamp: timestamp - 1e6 }, objects: [] });
    expectProblem(lost, 410, 'position-lost');
    expectProblem(await report({ frame: { timestamp: timestamp + 1e6 }, objects: [] }), 404, 'not-found');
    expect(await readAll(camera.streams.detections)).toHaveLength(1);
    const next = tick();
    await sendFrame({ camera_id: camera.id, timestamp: next });
    expect(await frameOf(viewer, (one) => one.timestamp === next)).not.toHaveProperty('detections');
  });
});
