import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameras,
  type Detection,
  makeCamera,
  openCameraPath,
  sendFrame,
  tick,
  watchCamera,
} from '../support/cameras.ts';
import { readFrame } from '../support/frames.ts';
import { encoded, JPEG_SIZE, JPEGS } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { type Answer, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, type Page, readPage } from '../support/streams.ts';
import { until } from '../support/within.ts';

/** A server whose frames wait for longer than a test takes, and one whose frames wait for nobody. */
let patient: TestServer;
let hasty: TestServer;
beforeAll(async () => {
  [patient, hasty] = await Promise.all([
    startServer({ env: { PLAYHEAD_CAMERA_DETECT_WAIT_MS: '10000' } }),
    startServer({ env: { PLAYHEAD_CAMERA_DETECT_WAIT_MS: '0' } }),
  ]);
});
afterAll(async () => {
  await patient?.stop();
  await hasty?.stop();
});

const CAT: Detection = { class: 'cat', confidence: 0.75, bbox: [4, 8, 20, 16] };
const DOG: Detection = { class: 'dog', confidence: 0.5, bbox: [0, 0, 64, 48] };

/** Sends a frame to a camera that is watched, and gives its time and its place. */
async function push(
  server: TestServer,
  id: string,
  jpeg: Buffer,
): Promise<{ timestamp: number; position: string }> {
  const timestamp = tick();
  const answer = await sendFrame(server, { camera_id: id, frame: encoded(jpeg), timestamp });
  expect(answer.status).toBe(200);
  let position = '';
  await until(async () => {
    const { events } = await readPage(server, `cameras/${id}/frames`, '?after=start');
    const found = events.find(
      ({ data }) => readFrame(Buffer.from(String(data), 'base64')).head.time === timestamp,
    );
    position = found?.position ?? '';
    return found !== undefined;
  }, `the place of the frame of ${timestamp}`);
  return { timestamp, position };
}

function report(server: TestServer, id: string, body: object, key?: string): Promise<Answer> {
  return cameras(server, 'POST', `/${id}/detections`, body, key);
}

async function kept(server: TestServer, id: string): Promise<Page['events']> {
  return (await readPage(server, `cameras/${id}/detections`, '?after=start&limit=1000')).events;
}

describe('what outside detectors find', () => {
  test('CC-18 F7 frames wait for the detector, and go on in order with what was found in each of them', async () => {
    await makeCamera(patient, { id: 'gate', detect: 'outside' });
    using viewer = await watchCamera(patient, 'gate');
    using watcher = await watchCamera(patient, 'gate', { protocols: ['playhead.frames.v1'] });
    const [one, two, three] = [
      await push(patient, 'gate', JPEGS.red),
      await push(patient, 'gate', JPEGS.green),
      await push(patient, 'gate', JPEGS.blue),
    ];
    // The second is looked at first: the first was skipped by its detector, and waits no longer.
    const found = await report(patient, 'gate', { frame: { timestamp: two.timestamp }, objects: [CAT] });
    expect([found.status, found.json()]).toEqual([
      201,
      {
        position: expect.any(String) as string,
        late: false,
        frame: {
          ...{ position: two.position, number: expect.any(Number) as number },
          ...{ timestamp: two.timestamp, ...JPEG_SIZE },
        },
      },
    ]);
    await viewer.frame(({ timestamp }) => timestamp === two.timestamp);
    const nothing = await report(patient, 'gate', {
      frame: { position: three.position },
      detector: 'mine',
      objects: [],
    });
    expect(nothing.json()).toMatchObject({ late: false });
    await viewer.frame(({ timestamp }) => timestamp === three.timestamp);
    expect(viewer.frames.map(({ timestamp, detections }) => [timestamp, detections])).toEqual(
      [
        [one.timestamp, undefined],
        [two.timestamp, [CAT]],
        [three.timestamp, []],
      ].slice(-viewer.texts.length),
    );
    for (const { frame, detections } of viewer.frames)
      if (detections?.length === 1) expect(frame).toBe(encoded(JPEGS.green));
    const heads = watcher.binary.map((message) => readFrame(message).head as unknown as { position: string });
    expect(heads.at(-1)).toMatchObject({ position: three.position, detections: [] });
    // What was answered is in the stream, by the name of its frame.
    const events = await kept(patient, 'gate');
    expect(events.map(({ data }) => data)).toEqual([
      expect.objectContaining({ detector: 'outside', late: false, objects: [CAT] }),
      expect.objectContaining({ detector: 'mine', late: false, objects: [] }),
    ]);
  });

  test('F7 what comes when its frame has gone on is kept as late, and drawn on no other frame', async () => {
    await makeCamera(hasty, { id: 'gate', detect: 'outside' });
    using viewer = await watchCamera(hasty, 'gate');
    const one = await push(hasty, 'gate', JPEGS.red);
    await viewer.frame(({ timestamp }) => timestamp === one.timestamp);
    const answer = await report(hasty, 'gate', { frame: { position: one.position }, objects: [CAT, DOG] });
    expect([answer.status, answer.json()]).toMatchObject([201, { late: true }]);
    const two = await push(hasty, 'gate', JPEGS.green);
    const next = await viewer.frame(({ timestamp }) => timestamp === two.timestamp);
    expect(next).not.toHaveProperty('detections');
    const [event] = await kept(hasty, 'gate');
    expect(event?.data).toMatchObject({
      frame: { position: one.position, timestamp: one.timestamp },
      late: true,
      objects: [CAT, DOG],
    });
  });

  test('F7 a box outside of its frame, a frame long gone, and one that never was are refused, each by its name', async () => {
    await makeCamera(hasty, { id: 'wrong', detect: 'outside' });
    using viewer = await watchCamera(hasty, 'wrong');
    const { timestamp } = await push(hasty, 'wrong', JPEGS.red);
    await viewer.frame();
    const boxes = [
      [60, 0, 5, 5],
      [0, 44, 5, 5],
      [-1, 0, 5, 5],
      [0, 0, 0, 5],
    ];
    for (const bbox of boxes) {
      const objects = [CAT, { ...DOG, bbox }];
      const answer = await report(hasty, 'wrong', { frame: { timestamp }, objects });
      expect(expectProblem(answer, 400, 'invalid-request')['field']).toBe('objects.1.bbox');
    }
    // The last is a position of another stream.
    const [event] = (await readPage(hasty, 'cameras/wrong/events')).events;
    const lost = [{ timestamp: timestamp - 100_000 }, { position: event?.position }];
    for (const frame of lost)
      expectProblem(await report(hasty, 'wrong', { frame, objects: [] }), 410, 'position-lost');
    for (const frame of [{ timestamp: timestamp + 1 }, { number: 1e9 }])
      expectProblem(await report(hasty, 'wrong', { frame, objects: [] }), 404, 'not-found');
    for (const body of [
      { objects: [] },
      { frame: {}, objects: [] },
      { frame: { timestamp, number: 1 }, objects: [] },
      { frame: { timestamp }, objects: [{ ...CAT, confidence: 2 }] },
      { frame: { timestamp }, objects: [{ ...CAT, class: '' }] },
      { frame: { timestamp }, detector: 'has spaces', objects: [] },
    ])
      expectProblem(await report(hasty, 'wrong', body), 400, 'invalid-request');
    expect(await kept(hasty, 'wrong')).toEqual([]);
    const theirs = await makeKey(hasty, { scopes: ['cameras:write'], tenant: 'other' });
    const reader = await makeKey(hasty, { scopes: ['cameras:read'] });
    const good = { frame: { timestamp }, objects: [] };
    expectProblem(await report(hasty, 'wrong', good, theirs), 404, 'not-found');
    expectProblem(await report(hasty, 'wrong', good, reader), 403, 'forbidden');
  });

  test('F7 what a sender found goes with its frame', async () => {
    using viewer = await (async () => {
      await makeCamera(patient, { id: 'clever' });
      return watchCamera(patient, 'clever');
    })();
    const timestamp = tick();
    const body = { camera_id: 'clever', frame: encoded(JPEGS.blue), timestamp };
    const outside = [{ ...CAT, bbox: [50, 0, 50, 10] }];
    expect((await sendFrame(patient, { ...body, detections: outside })).status).toBe(400);
    expect((await sendFrame(patient, { ...body, detections: [CAT] })).status).toBe(200);
    const seen = await viewer.frame((one) => one.timestamp === timestamp);
    expect(seen.detections).toEqual([CAT]);
    await until(async () => (await kept(patient, 'clever')).length === 1, 'what was found to be kept');
    expect((await kept(patient, 'clever'))[0]?.data).toMatchObject({
      ...{ detector: 'pushed', late: false, objects: [CAT] },
      frame: { timestamp, position: expect.any(String) as string },
    });
  });

  test('CC-18 viewers stay when a camera gets a detector, and see what it finds from then on', async () => {
    await makeCamera(patient, { id: 'later' });
    using viewer = await watchCamera(patient, 'later');
    const one = await push(patient, 'later', JPEGS.red);
    await viewer.frame(({ timestamp }) => timestamp === one.timestamp);
    await cameras(patient, 'PATCH', '/later', { detect: 'outside' });
    const two = await push(patient, 'later', JPEGS.green);
    await report(patient, 'later', { frame: { timestamp: two.timestamp }, objects: [DOG] });
    const seen = await viewer.frame(({ timestamp }) => timestamp === two.timestamp);
    expect(seen.detections).toEqual([DOG]);
    await cameras(patient, 'PATCH', '/later', { detect: null });
    const three = await push(patient, 'later', JPEGS.blue);
    const plain = await viewer.frame(({ timestamp }) => timestamp === three.timestamp);
    expect(plain).not.toHaveProperty('detections');
    expect(new Set(viewer.frames.map(({ timestamp }) => timestamp)).size).toBe(viewer.texts.length);
  });

  test('D-3 what was answered survives the death of the server', async () => {
    await using own = await startServer();
    await makeCamera(own, { id: 'durable', detect: 'outside' });
    using viewer = await watchCamera(own, 'durable');
    const { timestamp } = await push(own, 'durable', JPEGS.red);
    await viewer.frame();
    expect((await report(own, 'durable', { frame: { timestamp }, objects: [DOG] })).status).toBe(201);
    await own.kill('SIGKILL');
    await own.restart();
    expect((await kept(own, 'durable')).map(({ data }) => data)).toMatchObject([{ objects: [DOG] }]);
  });
});

describe('publishing on a socket', () => {
  const publish = (server: TestServer, id: string, key = server.key) =>
    openCameraPath(server, `/v1/cameras/${id}/publish`, { query: `?token=${key}` });

  test('D-28 a JPEG, or a frame message with its time and what was found, is a frame; each is answered', async () => {
    using sender = await publish(patient, 'sock');
    using viewer = await watchCamera(patient, 'sock');
    sender.socket.send(JPEGS.red);
    await viewer.frame(({ frame }) => frame === encoded(JPEGS.red));
    const time = Date.now() + 1000;
    const head = Buffer.from(JSON.stringify({ time, detections: [DOG] }));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(head.length);
    sender.socket.send(Buffer.concat([length, head, JPEGS.green]));
    const seen = await viewer.frame(({ timestamp }) => timestamp === time);
    expect(seen).toEqual({
      ...{ frame: encoded(JPEGS.green), timestamp: time, camera_id: 'sock', detections: [DOG] },
    });
    sender.socket.send(Buffer.from('neither'));
    sender.socket.send(Buffer.concat([length, head, JPEGS.green]));
    const answers = await sender.when(
      () => (sender.texts[3] === undefined ? undefined : sender.texts),
      'four answers',
    );
    expect(answers.map((text) => JSON.parse(text) as object)).toEqual([
      { type: 'taken', published: true, time: null },
      { type: 'taken', published: true, time },
      { type: 'refused', code: expect.any(String) as string, message: expect.any(String) as string },
      { type: 'taken', published: false, time },
    ]);
  });

  test('D-38 only who may write publishes, and a camera that is deleted takes no more', async () => {
    const reader = await makeKey(patient, { scopes: ['cameras:read'] });
    await expect(publish(patient, 'sock', reader)).rejects.toThrow('refused');
    await expect(publish(patient, 'sock', 'rdev_wrong')).rejects.toThrow('refused');
    using sender = await publish(patient, 'passing');
    expect((await request(patient, '/v1/cameras/passing', { method: 'DELETE' })).status).toBe(204);
    sender.socket.send(JPEGS.red);
    expect((await sender.closed()).code).toBe(4520);
  });
});
