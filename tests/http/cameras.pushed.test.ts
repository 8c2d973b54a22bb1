import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cameraEvent,
  sendFrame,
  startCameraServer,
  tick,
  viewCamera,
  watchCamera,
} from '../support/cameras.ts';
import { readFrame } from '../support/frames.ts';
import { encoded, JPEG_SIZE, JPEGS, padded } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  // Making frames of many MB keeps this process from answering pings: that costs no viewer its connection.
  server = await startCameraServer({ PLAYHEAD_HEARTBEAT_MS: '2000' });
});
afterAll(() => server?.stop());

describe('pushed frames', () => {
  test('CC-22 a frame that a page sends makes a camera, on either path, and is seen', async () => {
    for (const path of ['/api/v1/actions/actions/send', '/api/v1/actions/api/v1/actions/actions/send']) {
      const id = `page ${path.length}`;
      const first = await sendFrame(
        server,
        { camera_id: id, frame: encoded(JPEGS.red), timestamp: tick() },
        { path },
      );
      expect([first.status, first.json()]).toEqual([
        200,
        { success: true, id: expect.any(String) as string, camera_id: id, published: true },
      ]);
      using viewer = await watchCamera(server, id);
      const timestamp = tick();
      await sendFrame(server, { camera_id: id, frame: encoded(JPEGS.green), timestamp }, { path });
      const seen = await viewer.frame((one) => one.timestamp === timestamp);
      expect(seen).toEqual({ frame: encoded(JPEGS.green), timestamp, camera_id: id });
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
    const large = encoded(padded(JPEGS.blue, 5_000_000));
    const answers = [];
    for (let i = 0; i < 10; i++)
      answers.push(await sendFrame(server, { camera_id: 'large', frame: large, timestamp: tick() }));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });

  test('CC-22 what is no frame is refused with what is wrong, and harms nobody', async () => {
    using viewer = await watchCamera(server, 'demo', { query: '' });
    const wrong: [object, number][] = [
      [{ frame: 'not base64!' }, 400],
      [{ frame: encoded(Buffer.from('GIF89a, truly')) }, 400],
      [{ frame: encoded(JPEGS.red.subarray(0, 200)) }, 400],
      [{ frame: '' }, 400],
      [{}, 400],
      [{ frame: encoded(JPEGS.red), streamType: 'audio' }, 400],
      [{ frame: encoded(JPEGS.red), timestamp: 'now' }, 400],
      [{ frame: encoded(JPEGS.red), camera_id: '../demo' }, 400],
      [{ frame: encoded(padded(JPEGS.red, 20_000_000)) }, 413],
    ];
    for (const [body, status] of wrong) {
      const answer = await sendFrame(server, { camera_id: 'wrong', ...body });
      expect([status, answer.json()]).toEqual([
        answer.status,
        { error: expect.objectContaining({ message: expect.any(String) as string }) as object },
      ]);
    }
    const reader = await makeKey(server, { scopes: ['cameras:read'] });
    expect((await sendFrame(server, { frame: encoded(JPEGS.red) }, { key: reader })).status).toBe(403);
    expect((await sendFrame(server, { frame: encoded(JPEGS.red) }, { key: 'rdev_wrong' })).status).toBe(401);
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
      await sendFrame(server, { camera_id: 'loop', frame: encoded(JPEGS.red), timestamp: tick() });
      return watchCamera(server, 'loop');
    })();
    const at = tick();
    const body = { camera_id: 'loop', frame: encoded(JPEGS.blue), timestamp: at };
    expect((await sendFrame(server, body)).status).toBe(200);
    await pushed.frame((one) => one.timestamp === at);
    for (const again of [at, at - 1, 0])
      expect((await sendFrame(server, { ...body, timestamp: again })).status).toBe(202);
    // A clock that is far ahead does not keep those that are right from being heard.
    const before = Date.now();
    const ahead = await sendFrame(server, {
      ...body,
      frame: encoded(JPEGS.green),
      timestamp: before + 3_600_000,
    });
    expect(ahead.status).toBe(200);
    const replaced = await pushed.frame((one) => one.frame === encoded(JPEGS.green));
    expect(replaced.timestamp).toBeGreaterThanOrEqual(before - 1);
    expect(replaced.timestamp).toBeLessThan(before + 600_000);
    expect(pushed.frames.filter((one) => one.timestamp === at)).toHaveLength(1);
  });

  test('D-30 a camera that nobody pushes to any more is told silent, and told when it is back', async () => {
    await sendFrame(server, { camera_id: 'still', frame: encoded(JPEGS.red), timestamp: tick() });
    await cameraEvent(server, 'still', 'opened');
    await cameraEvent(server, 'still', 'silent');
    expect((await viewCamera(server, 'still')).state.status).toBe('silent');
    await sendFrame(server, { camera_id: 'still', frame: encoded(JPEGS.red), timestamp: tick() });
    await cameraEvent(server, 'still', 'recovered');
  });

  test('D-4 any text is an id, and its streams have a name', async () => {
    const id = 'Küche 2 (links)';
    await sendFrame(server, { camera_id: id, frame: encoded(JPEGS.red), timestamp: tick() });
    const view = await viewCamera(server, id);
    expect(view.streams.frames).toBe('cameras/K~c3~bcche~202~20~28links~29/frames');
    expect((await request(server, `/v1/streams/${view.streams.events}`)).status).toBe(200);
  });

  test('CC-16 frames made of pushed pictures have the size that is in them', async () => {
    await sendFrame(server, { camera_id: 'sized', frame: encoded(JPEGS.red), timestamp: tick() });
    using viewer = await watchCamera(server, 'sized', { protocols: ['playhead.frames.v1'] });
    const { head } = readFrame(await viewer.when(() => viewer.binary[0], 'a frame'));
    expect(head).toMatchObject(JPEG_SIZE);
  });
});
