import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badCameras, listenOn, othersLive, playlist, startOpenServer } from '../support/bad-cameras.ts';
import type { CameraHttp } from '../support/camera-http.ts';
import { cameraEvent, cameras, makeCamera, viewCamera, watchCamera } from '../support/cameras.ts';
import { readFrame } from '../support/frames.ts';
import { JPEG_SIZE, JPEGS } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import type { Loopback } from '../support/loopback.ts';
import { startServer, type TestServer } from '../support/server.ts';

const { red, green, blue } = JPEGS;

describe('cameras that are not what they say', () => {
  let folder: string;
  let upstream: CameraHttp;
  /** Where no camera may go: it is heard of whoever comes all the same. */
  let away: Loopback;
  let strayed = 0;
  let server: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-cameras-'));
    away = await listenOn((socket) => {
      strayed++;
      socket.destroy();
    }, '127.0.0.2');
    upstream = await badCameras({ secretFile: join(folder, 'secret.mjpeg'), away: away.port });
    await writeFile(join(folder, 'secret.mjpeg'), Buffer.concat([red, green, blue]));
    server = await startOpenServer();
  });
  afterAll(async () => {
    await server?.stop();
    await upstream?.[Symbol.asyncDispose]();
    await away?.close();
    await rm(folder, { recursive: true, force: true });
  });

  let made = 0;
  const fresh = (): string => `attacked-${++made}`;

  /** Makes a camera, watches it until it has failed, and gives how. */
  async function failing(url: string, more: object = {}): Promise<{ reason: string; message: string }> {
    const id = fresh();
    await makeCamera(server, { id, url, ...more });
    using viewer = await watchCamera(server, id);
    const { data } = await cameraEvent(server, id, 'failed');
    expect(viewer.texts).toEqual([]);
    const { state } = await viewCamera(server, id);
    const { reason, message } = data as { reason: string; message: string };
    expect(state).toMatchObject({ status: 'failed', reason, message });
    expect(message).toMatch(/^[A-Z].*\.$/);
    await cameras(server, 'DELETE', `/${id}`);
    return { reason, message };
  }

  test.each([
    ['/silent', ['timeout']],
    ['/401', ['unauthorized']],
    ['/404', ['not-found']],
    ['/500', ['unreachable']],
    ['/page', ['no-video']],
    ['/empty', ['no-video', 'corrupt']],
    ['/noise', ['no-video', 'corrupt']],
    ['/boundary', ['no-video', 'corrupt', 'timeout', 'unreachable']],
    ['/redirect-loop', ['unreachable', 'no-video', 'forbidden']],
    ['/redirect-file', ['forbidden', 'unreachable', 'no-video']],
    ['/redirect-away', ['forbidden', 'unreachable']],
    ['/list.m3u8', ['forbidden', 'no-video', 'unreachable', 'timeout', 'corrupt']],
    ['/away.m3u8', ['forbidden', 'no-video', 'unreachable', 'timeout', 'corrupt']],
  ])(
    'D-22 an upstream that is %s is told with its reason, and others are unharmed',
    async (path, reasons) => {
      expect(reasons).toContain((await failing(upstream.url + path)).reason);
      expect(strayed).toBe(0);
      await othersLive(server);
    },
  );

  test('nobody listens, or somebody who speaks something else', async () => {
    const free = await listenOn(() => {});
    await free.close();
    expect((await failing(`http://127.0.0.1:${free.port}/`)).reason).toBe('unreachable');
    expect((await failing(`rtsp://127.0.0.1:${free.port}/`)).reason).toBe('unreachable');
    const asked: string[] = [];
    const elsewhere = await listenOn((socket) => {
      asked.push('elsewhere');
      socket.destroy();
    });
    const answers: Readonly<Record<string, string>> = {
      silent: '',
      '401': 'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n',
      '404': 'RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n',
      '302': `RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:${elsewhere.port}/\r\n\r\n`,
      noise: randomBytes(50_000).toString('latin1'),
      http: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    };
    for (const [name, text] of Object.entries(answers)) {
      const rtsp = await listenOn((socket) => {
        socket.on('data', () => socket.write(Buffer.from(text, 'latin1')));
      });
      const { reason } = await failing(`rtsp://127.0.0.1:${rtsp.port}/`);
      const expected: Readonly<Record<string, string>> = {
        silent: 'timeout',
        '401': 'unauthorized',
        '404': 'not-found',
      };
      if (expected[name] !== undefined) expect(reason, name).toBe(expected[name]);
      await rtsp.close();
    }
    expect(asked).toEqual([]);
    await elsewhere.close();
    await othersLive(server);
  });

  test('one that ends is opened again, and that is told', async () => {
    const id = fresh();
    await makeCamera(server, { id, url: `${upstream.url}/ends` });
    using viewer = await watchCamera(server, id);
    await cameraEvent(server, id, 'restarting');
    const before = viewer.texts.length;
    await viewer.when(() => viewer.texts[before + 2], 'frames after it was opened again');
    await cameras(server, 'DELETE', `/${id}`);
  });

  test('one that changes its size in mid-stream says so, and each frame has its own', async () => {
    const id = fresh();
    await makeCamera(server, { id, url: `${upstream.url}/grows` });
    using viewer = await watchCamera(server, id, { protocols: ['playhead.frames.v1'] });
    for (const [width, height] of [
      [96, 80],
      [JPEG_SIZE.width, JPEG_SIZE.height],
    ])
      await cameraEvent(server, id, 'resized', ({ data }) => {
        const about = data as { width: number; height: number };
        return about.width === width && about.height === height;
      });
    await viewer.when(() => viewer.binary[7], 'frames of both sizes');
    for (const message of viewer.binary) {
      const { head, jpeg } = readFrame(message);
      expect([head.width, head.height]).toEqual(sizeOf(jpeg));
    }
    await cameras(server, 'DELETE', `/${id}`);
  });

  test('pictures that are broken are counted, and those that are not go on', async () => {
    const id = fresh();
    await makeCamera(server, { id, url: `${upstream.url}/broken`, width: 32 });
    using viewer = await watchCamera(server, id);
    const { data } = await cameraEvent(server, id, 'corrupt');
    expect((data as { frames: number }).frames).toBeGreaterThan(0);
    const before = viewer.texts.length;
    await viewer.when(() => viewer.texts[before + 3], 'frames that are whole');
    expect((await viewCamera(server, id)).state.status).toBe('live');
    await cameras(server, 'DELETE', `/${id}`);
    await othersLive(server);
  });

  test('D-22 files: inside of the folders alone, by no spelling and no link', async () => {
    const open = await mkdtemp(join(tmpdir(), 'playhead-open-'));
    try {
      await symlink(join(folder, 'secret.mjpeg'), join(open, 'link.mjpeg'));
      await symlink(folder, join(open, 'folder'));
      await writeFile(join(open, 'list.m3u8'), playlist(`file://${folder}/secret.mjpeg`));
      await writeFile(join(open, 'concat.txt'), `ffconcat version 1.0\nfile '${folder}/secret.mjpeg'\n`);
      await writeFile(join(open, 'page.html'), '<html></html>');
      await using own = await startServer({ env: { PLAYHEAD_CAMERA_FOLDERS: open } });
      for (const path of [
        `${folder}/secret.mjpeg`,
        `${open}/../${folder.split('/').at(-1)}/secret.mjpeg`,
        `${open}/%2e%2e/${folder.split('/').at(-1)}/secret.mjpeg`,
        `${open}/link.mjpeg`,
        `${open}/folder/secret.mjpeg`,
        '/etc/passwd',
        '/proc/self/environ',
      ]) {
        const answer = await cameras(own, 'POST', '', { id: 'file', url: `file://${path}` });
        expect([answer.status, path]).toEqual([403, path]);
      }
      for (const name of ['list.m3u8', 'concat.txt', 'page.html']) {
        const id = fresh();
        await makeCamera(own, { id, url: `file://${open}/${name}` });
        using viewer = await watchCamera(own, id);
        await cameraEvent(own, id, 'failed');
        expect(viewer.texts).toEqual([]);
      }
    } finally {
      await rm(open, { recursive: true, force: true });
    }
  });

  test('D-22 addresses: an admin with leave alone reaches private ones, nobody another protocol', async () => {
    const writer = await makeKey(server, { scopes: ['cameras:read', 'cameras:write'] });
    for (const url of [
      `${upstream.url}/good`,
      `http://localhost:${upstream.port}/good`,
      `http://[::1]:${upstream.port}/good`,
      `http://[::ffff:127.0.0.1]:${upstream.port}/good`,
      `http://2130706433:${upstream.port}/good`,
      `http://0x7f.1:${upstream.port}/good`,
      `http://127.1:${upstream.port}/good`,
      `http://0:${upstream.port}/good`,
      'rtsp://127.0.0.1/',
      'rtsp://10.0.0.1/',
      'http://169.254.169.254/latest/meta-data/',
      'v4l2:/dev/video0',
    ]) {
      const answer = await cameras(server, 'POST', '', { id: fresh(), url }, writer);
      expect([answer.status, url]).toEqual([403, url]);
    }
    // Not even an admin, where the server has no leave.
    for (const url of ['http://169.254.169.254/', 'rtsp://10.0.0.1/', 'http://192.168.0.1/'])
      expect((await cameras(server, 'POST', '', { id: fresh(), url })).status, url).toBe(403);
    for (const url of [
      'concat:/etc/passwd',
      'data:image/jpeg;base64,/9j/',
      'subfile,,start,0,end,9,,:/etc/passwd',
      'tcp://127.0.0.1:1',
      'udp://127.0.0.1:1',
      'rtmp://127.0.0.1/x',
      'ftp://127.0.0.1/x',
      'pipe:0',
      'lavfi:testsrc',
      'pattern:movie=/etc/passwd',
      'pattern:testsrc2?width=100000',
      'v4l2:/dev/sda',
      'v4l2:/dev/../etc/passwd',
      'javascript:1',
      ' http://127.0.0.1/',
      'http://127.0.0.1/\n',
      '',
    ])
      expect((await cameras(server, 'POST', '', { id: fresh(), url })).status, url).toBe(400);
    // One who is no admin cannot turn an admin's camera elsewhere, nor use its leave.
    const id = fresh();
    await makeCamera(server, { id, url: `${upstream.url}/good` });
    const turned = await cameras(server, 'PATCH', `/${id}`, { url: `${upstream.url}/404` }, writer);
    expect(turned.status).toBe(403);
    await cameras(server, 'DELETE', `/${id}`);
  });

  test('D-22 what a camera is refused, its upstream never hears of', async () => {
    const before = upstream.asked.length;
    const writer = await makeKey(server, { scopes: ['cameras:read', 'cameras:write'] });
    await cameras(server, 'POST', '', { id: fresh(), url: `${upstream.url}/canary` }, writer);
    expect(upstream.asked.slice(before)).toEqual([]);
  });
});

/** Width and height, as the JPEG says. */
function sizeOf(jpeg: Buffer): [number, number] {
  const at = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return [jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)];
}
