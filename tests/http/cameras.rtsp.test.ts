import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cameraEvent, cameras, childrenOf, makeCamera, viewCamera, watchCamera } from '../support/cameras.ts';
import { findFfmpeg, findRtspPython } from '../support/optional.ts';
import { ffmpeg } from '../support/pictures.ts';
import { type RtspServer, startRtspServer } from '../support/rtsp.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const missing = findFfmpeg().missing || findRtspPython().missing;
const PASSWORD = 's3cret-of-the-door';

describe.skipIf(missing)('a camera over RTSP, through the server', () => {
  let folder: string;
  let upstream: RtspServer;
  let server: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-door-'));
    const file = join(folder, 'door.mkv');
    await ffmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '120', '-c:v', 'libx264', '-g', '25'],
      ...['-bf', '0', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', file],
    ]);
    upstream = await startRtspServer({
      mounts: {
        '/door': `( filesrc location=${file} ! matroskademux ! rtph264pay name=pay0 config-interval=1 )`,
      },
      users: { me: PASSWORD },
      digest: true,
    });
    server = await startServer({
      env: {
        PLAYHEAD_ALLOWED_NETWORKS: '127.0.0.1',
        PLAYHEAD_LOG_LEVEL: 'debug',
        PLAYHEAD_FRAME_LINGER_MS: '200',
      },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await upstream?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const at = (login: string): string => `rtsp://${login}@localhost:${upstream.port}/door`;

  test('P-511 P-514 it is watched, its process is one, and goes when nobody watches', async () => {
    await makeCamera(server, { id: 'door', url: at(`me:${PASSWORD}`) });
    const before = await childrenOf(server.pid);
    {
      using viewer = await watchCamera(server, 'door');
      using other = await watchCamera(server, 'door');
      await viewer.when(() => viewer.texts[9], 'frames');
      await other.when(() => other.texts[9], 'frames for another');
      expect((await viewCamera(server, 'door')).state).toMatchObject({ status: 'live' });
      const added = (await childrenOf(server.pid)).filter((pid) => !before.includes(pid));
      expect(added.length).toBe(1);
    }
    await until(
      async () => (await childrenOf(server.pid)).every((pid) => before.includes(pid)),
      'its process to go',
    );
  });

  test('P-514 its process is killed, and it is opened again', async () => {
    await makeCamera(server, { id: 'again', url: at(`me:${PASSWORD}`) });
    const before = await childrenOf(server.pid);
    using viewer = await watchCamera(server, 'again');
    await viewer.when(() => viewer.texts[4], 'frames');
    const [pid = 0] = (await childrenOf(server.pid)).filter((child) => !before.includes(child));
    const count = viewer.texts.length;
    process.kill(pid, 'SIGKILL');
    await cameraEvent(server, 'again', 'restarting');
    await viewer.when(() => viewer.texts[count + 10], 'frames behind it');
    await cameras(server, 'DELETE', '/again');
  });

  test('P-512 its password is in no answer, log, event, argument or environment', async () => {
    await makeCamera(server, { id: 'quiet', url: at(`me:${PASSWORD}`) });
    await makeCamera(server, { id: 'wrong', url: at(`me:${PASSWORD}-not`) });
    using viewer = await watchCamera(server, 'quiet');
    using other = await watchCamera(server, 'wrong');
    await viewer.when(() => viewer.texts[2], 'frames');
    const failed = await cameraEvent(server, 'wrong', 'failed');
    expect(failed.data).toMatchObject({ reason: 'unauthorized' });
    expect(other.texts).toEqual([]);
    for (const pid of await childrenOf(server.pid))
      for (const file of ['cmdline', 'environ'])
        expect(await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).not.toContain(PASSWORD);
    const said = [(await cameras(server, 'GET')).text, JSON.stringify(failed), server.stdout, server.stderr];
    for (const text of said) expect(text).not.toContain(PASSWORD);
  });

  test('D-22 it is refused where the address is closed', async () => {
    await using closed = await startServer();
    const answer = await cameras(closed, 'POST', '', { id: 'door', url: at(`me:${PASSWORD}`) });
    expect(answer.status).toBe(403);
    expect(answer.text).not.toContain(PASSWORD);
  });
});
