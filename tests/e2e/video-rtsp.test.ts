import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CERTIFICATE } from '../../packages/server/src/outgoing/certificate.fixture.ts';
import { testVideo, watch } from '../../packages/server/src/video/process/video.fixture.ts';
import type { VideoSourceSpec } from '../../packages/server/src/video/video.ts';
import { findFfmpeg, findRtspPython } from '../support/optional.ts';
import { ffmpeg } from '../support/pictures.ts';
import { startRtspServer } from '../support/rtsp.ts';

const missing = findFfmpeg().missing || findRtspPython().missing;

describe.skipIf(missing)('cameras over RTSP', () => {
  const video = testVideo();
  let folder: string;
  let h264: string;
  const JPEG =
    '( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 )';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-rtsp-'));
    const path = join(folder, 'camera.mkv');
    await ffmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '60', '-c:v', 'libx264', '-g', '25'],
      ...['-bf', '0', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', path],
    ]);
    h264 = `( filesrc location=${path} ! matroskademux ! rtph264pay name=pay0 config-interval=1 )`;
  });
  afterAll(async () => {
    await video[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  function camera(url: string, transport: 'tcp' | 'udp' = 'tcp', address = '127.0.0.1'): VideoSourceSpec {
    return { kind: 'rtsp', url, transport, address };
  }

  test.each(['tcp', 'udp'] as const)('H.264 is decoded, over %s', async (transport) => {
    await using server = await startRtspServer({ mounts: { '/one': h264 }, protocols: transport });
    using watched = watch(video, { source: camera(`rtsp://camera.example:${server.port}/one`, transport) });
    await watched.until(() => watched.pictures.length >= 20);
    expect(watched.abouts).toMatchObject([{ width: 320, height: 180, codec: 'h264' }]);
  });

  test.each(['tcp', 'udp'] as const)('MJPEG passes through, over %s', async (transport) => {
    await using server = await startRtspServer({ mounts: { '/one': JPEG }, protocols: transport });
    using watched = watch(video, { source: camera(`rtsp://camera.example:${server.port}/one`, transport) });
    await watched.until(() => watched.pictures.length >= 10);
    expect(watched.abouts).toMatchObject([{ width: 320, height: 240, codec: 'mjpeg' }]);
  });

  test.each([
    ['basic', false],
    ['digest', true],
  ])('a user and password, %s, and no message has them where they are wrong', async (_, digest) => {
    await using server = await startRtspServer({
      mounts: { '/one': h264 },
      users: { me: 'pa:ss@wo/rd' },
      digest,
    });
    using right = watch(video, {
      source: camera(`rtsp://me:pa%3Ass%40wo%2Frd@camera.example:${server.port}/one`),
    });
    await right.until(() => right.pictures.length >= 1);
    for (const login of ['me:hunter2@', '']) {
      using wrong = watch(video, { source: camera(`rtsp://${login}camera.example:${server.port}/one`) });
      const end = await wrong.ended;
      expect(end).toMatchObject({ kind: 'failed', reason: 'unauthorized' });
      expect(JSON.stringify(end)).not.toContain('hunter2');
    }
  });

  test('over TLS', async () => {
    await using server = await startRtspServer({
      mounts: { '/one': h264 },
      users: { me: 'secret' },
      certificate: CERTIFICATE.key + CERTIFICATE.cert,
    });
    using watched = watch(video, { source: camera(`rtsps://me:secret@camera.example:${server.port}/one`) });
    await watched.until(() => watched.pictures.length >= 5);
  });

  test('a path that is not there, and nobody there', async () => {
    const server = await startRtspServer({ mounts: { '/one': h264 } });
    using unknown = watch(video, { source: camera(`rtsp://camera.example:${server.port}/other`) });
    expect(await unknown.ended).toMatchObject({ kind: 'failed', reason: 'not-found' });
    await server[Symbol.asyncDispose]();
    using nobody = watch(video, { source: camera(`rtsp://camera.example:${server.port}/one`) });
    expect(await nobody.ended).toMatchObject({ kind: 'failed', reason: 'unreachable' });
  });

  test('a camera that is switched off has ended', async () => {
    const server = await startRtspServer({ mounts: { '/one': h264 } });
    using watched = watch(video, { source: camera(`rtsp://camera.example:${server.port}/one`) });
    await watched.until(() => watched.pictures.length >= 3);
    await server[Symbol.asyncDispose]();
    expect(await watched.ended).toEqual({ kind: 'ended' });
  });

  /** Answers each line of a request by what `answer` says to its method. */
  async function fake(answer: (method: string, sequence: string) => string): Promise<Fake> {
    let connections = 0;
    const server: Server = createServer((socket: Socket) => {
      connections++;
      socket.on('error', () => undefined).setEncoding('latin1');
      socket.on('data', (text: string) => {
        const sequence = /CSeq: (\d+)/i.exec(text)?.[1] ?? '0';
        socket.write(answer(text.split(' ')[0] ?? '', sequence), 'latin1');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      port,
      get connections() {
        return connections;
      },
      [Symbol.dispose]: () => server.close(),
    };
  }

  interface Fake extends Disposable {
    readonly port: number;
    readonly connections: number;
  }

  test.each(['OPTIONS', 'DESCRIBE'])(
    'D-22 a redirect to elsewhere is not followed, in answer to %s',
    async (when) => {
      using other = await fake(() => '');
      using server = await fake((method, sequence) =>
        method === when
          ? `RTSP/1.0 302 Moved\r\nCSeq: ${sequence}\r\nLocation: rtsp://127.0.0.1:${other.port}/\r\n\r\n`
          : `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nPublic: DESCRIBE\r\n\r\n`,
      );
      using watched = watch(video, { source: camera(`rtsp://camera.example:${server.port}/`) });
      expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'forbidden' });
      expect(other.connections).toBe(0);
    },
  );

  test('what speaks something else is no video, and who says nothing is given up in time', async () => {
    using server = await fake(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
    using watched = watch(video, { source: camera(`rtsp://camera.example:${server.port}/`) });
    expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'no-video' });
    using mute = await fake(() => '');
    using silent = watch(video, { source: camera(`rtsp://camera.example:${mute.port}/`), openMs: 1_000 });
    expect(await silent.ended).toMatchObject({ kind: 'failed', reason: 'timeout' });
  });
});
