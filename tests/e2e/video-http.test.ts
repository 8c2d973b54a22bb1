import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VideoSourceSpec } from '../../packages/server/src/video/video.ts';
import { CERTIFICATE } from '../../packages/server/src/outgoing/certificate.fixture.ts';
import { testVideo, watch } from '../../packages/server/src/video/process/video.fixture.ts';
import { cameraHttp, sendMultipart } from '../support/camera-http.ts';
import { findFfmpeg } from '../support/optional.ts';
import { ffmpeg, greyOf, jpegOf } from '../support/pictures.ts';
import { openWayOut } from '../support/video.ts';

const program = findFfmpeg();

describe.skipIf(program.missing)('cameras over HTTP', () => {
  const video = testVideo();
  let folder: string;
  let jpegs: readonly Buffer[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-http-'));
    jpegs = await Promise.all([1, 2, 3].map((n) => jpegOf(`testsrc2=size=320x180:rate=1,trim=start=${n}`)));
  });
  afterAll(async () => {
    await video[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const http = (url: string, proxy: string): VideoSourceSpec => ({ kind: 'http', url, proxy });

  /** One after the other, again and again. */
  function* forever<T>(all: readonly T[]): Iterable<T> {
    for (;;) yield* all;
  }

  test('MJPEG passes through untouched, byte for byte', async () => {
    await using camera = await cameraHttp((_, response) => void sendMultipart(response, forever(jpegs), 20));
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(`${camera.url}/video`, out.proxy), quality: 10 });
    await watched.until(() => watched.pictures.length >= 6);
    expect(watched.abouts).toEqual([{ width: 320, height: 180, fps: null, codec: 'mjpeg' }]);
    for (const { jpeg } of watched.pictures)
      expect(jpegs.some((sent) => sent.equals(Buffer.from(jpeg)))).toBe(true);
  });

  test('MJPEG is made smaller where that is asked for', async () => {
    await using camera = await cameraHttp((_, response) => void sendMultipart(response, forever(jpegs), 20));
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy), width: 160 });
    await watched.until(() => watched.pictures.length >= 3);
    expect(watched.pictures[0]).toMatchObject({ width: 160, height: 90 });
  });

  test('MJPEG without its tables of codes, as webcams send it, is made whole', async () => {
    const bare = (
      await ffmpeg(
        ['-f', 'mjpeg', '-i', '-', '-c:v', 'mjpeg', '-huffman', 'default', '-f', 'mjpeg', '-'],
        jpegs[0],
      )
    )
      .toString('latin1')
      .replaceAll(/\xff\xc4(?:\x01\xa2|\x00[\x1f\xb5])[^]*?(?=\xff[\xc4\xda\xdb\xc0])/g, '');
    expect(bare).not.toContain('\xff\xc4');
    const sent = Buffer.from(bare, 'latin1');
    await using camera = await cameraHttp((_, response) => void sendMultipart(response, forever([sent]), 20));
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    await watched.until(() => watched.pictures.length >= 1);
    const [picture] = watched.pictures;
    expect(Buffer.from(picture?.jpeg ?? []).includes(Buffer.from([0xff, 0xc4]))).toBe(true);
    const [was, is] = [await greyOf(jpegs[0] ?? sent), await greyOf(picture?.jpeg ?? sent)];
    expect(
      was.reduce((sum, value, at) => sum + Math.abs(value - (is[at] ?? 0)), 0) / was.length,
    ).toBeLessThan(4);
  });

  test('another size in mid-stream is told, and pictures go on in it; what is spoilt is counted', async () => {
    const small = await jpegOf('testsrc2=size=160x120');
    const [whole = Buffer.alloc(0)] = jpegs;
    async function* changing(): AsyncIterable<Buffer> {
      for (let n = 0; n < 10; n++) yield whole;
      for (let n = 0; n < 5; n++) yield whole.subarray(0, whole.length / 2);
      yield* forever([small]);
    }
    await using camera = await cameraHttp((_, response) => void sendMultipart(response, changing(), 30));
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    await watched.until(() => watched.pictures.at(-1)?.width === 160 && watched.corrupt >= 5);
    expect(watched.abouts.map(({ width, height }) => [width, height])).toEqual([
      [320, 180],
      [160, 120],
    ]);
    expect(watched.corrupt).toBe(5);
  });

  test('HLS is played through the proxy, its segments too', async () => {
    await ffmpeg([
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '6', '-c:v', 'libx264', '-g', '25'],
      ...[
        '-pix_fmt',
        'yuv420p',
        '-f',
        'hls',
        '-hls_time',
        '1',
        '-hls_list_size',
        '0',
        join(folder, 'live.m3u8'),
      ],
    ]);
    await using camera = await cameraHttp((request, response) => {
      readFile(join(folder, basename(request.url ?? ''))).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await using out = await openWayOut(camera.port);
    using watched = watch(video, {
      source: http(`http://camera.example:${camera.port}/live.m3u8`, out.proxy),
    });
    await watched.until(() => watched.pictures.length >= 30);
    expect(watched.abouts).toMatchObject([{ width: 320, height: 180, codec: 'h264' }]);
    expect(camera.asked).toContain('/live1.ts');
    const [first] = watched.pictures;
    // At its own pace, not as fast as it comes.
    expect((watched.pictures[29]?.time ?? 0) - (first?.time ?? 0)).toBeGreaterThan(500);
  });

  test.each([
    ['another host', (port: number) => `http://other.example:${port}/secret.ts`],
    ['a file', () => 'file:///etc/passwd'],
    ['a port', (port: number) => `tcp://127.0.0.1:${port}`],
    ['a file in disguise', () => 'crypto:file:///etc/hostname'],
    ['a pipe', () => 'concat:/etc/passwd|/etc/hostname'],
  ])('D-22 a playlist leads to %s no other way than the camera itself', async (_, address) => {
    let reached = 0;
    const other = createServer((socket) => {
      reached++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await using camera = await cameraHttp((_request, response) => {
      response.setHeader('content-type', 'application/vnd.apple.mpegurl');
      response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${address(port)}\n#EXT-X-ENDLIST\n`);
    });
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(`${camera.url}/live.m3u8`, out.proxy), openMs: 8_000 });
    expect((await watched.ended).kind).toBe('failed');
    expect(reached).toBe(0);
    other.close();
  });

  test('over TLS, through a tunnel of the proxy', async () => {
    const server = createSecureServer(CERTIFICATE, (_, response) => {
      void sendMultipart(response, forever(jpegs), 20);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using out = await openWayOut(port);
    using watched = watch(video, { source: http(`https://camera.example:${port}/`, out.proxy) });
    await watched.until(() => watched.pictures.length >= 3);
    server.closeAllConnections();
    server.close();
  });

  test('a JPEG of too many bytes is not given on', async () => {
    const [small = Buffer.alloc(0)] = jpegs;
    // Segments of comments between the first marker and the rest.
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0xff, 0xff]), Buffer.alloc(65_533)]);
    const large = Buffer.concat([
      small.subarray(0, 2),
      ...Array<Buffer>(260).fill(comment),
      small.subarray(2),
    ]);
    await using camera = await cameraHttp(
      (_, response) => void sendMultipart(response, forever([small, small, large]), 20),
    );
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    await watched.until(() => watched.corrupt > 0 && watched.pictures.length > 2);
    for (const { jpeg } of watched.pictures) expect(jpeg.length).toBe(small.length);
  });

  test('D-22 a redirect is bound by the rule as the address is', async () => {
    await using inner = await cameraHttp((_, response) => void sendMultipart(response, forever(jpegs), 20));
    await using camera = await cameraHttp((request, response) => {
      if (request.url === '/moved') void sendMultipart(response, forever(jpegs), 20);
      else response.writeHead(302, { location: request.url === '/out' ? inner.url : '/moved' }).end();
    });
    await using out = await openWayOut(camera.port);
    using followed = watch(video, { source: http(`${camera.url}/in`, out.proxy) });
    await followed.until(() => followed.pictures.length >= 1);
    using refused = watch(video, { source: http(`${camera.url}/out`, out.proxy) });
    expect(await refused.ended).toMatchObject({ kind: 'failed', reason: 'forbidden' });
    expect(inner.asked).toEqual([]);
    expect(out.refused).toEqual([`127.0.0.1:${inner.port}`]);
  });

  test('a user and password are sent, and are in no message where they are wrong', async () => {
    const wanted = `Basic ${Buffer.from('me:pa:ss@wo/rd').toString('base64')}`;
    await using camera = await cameraHttp((request, response) => {
      if (request.headers.authorization === wanted) void sendMultipart(response, forever(jpegs), 20);
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="camera"' }).end();
    });
    await using out = await openWayOut(camera.port);
    const at = (login: string): string => `http://${login}@camera.example:${camera.port}/`;
    using right = watch(video, { source: http(at('me:pa%3Ass%40wo%2Frd'), out.proxy) });
    await right.until(() => right.pictures.length >= 1);
    using wrong = watch(video, { source: http(at('me:hunter2'), out.proxy) });
    const end = await wrong.ended;
    expect(end).toMatchObject({ kind: 'failed', reason: 'unauthorized' });
    expect(JSON.stringify(end)).not.toContain('hunter2');
  });

  test.each([
    [404, 'not-found'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [500, 'unreachable'],
    [503, 'unreachable'],
  ])('an answer of %i is %s', async (status, reason) => {
    await using camera = await cameraHttp((_, response) => response.writeHead(status).end('no'));
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    expect(await watched.ended).toMatchObject({ kind: 'failed', reason });
  });

  test('a page is no video', async () => {
    await using camera = await cameraHttp((_, response) =>
      response.setHeader('content-type', 'text/html').end(`<html>${'<p>words</p>'.repeat(500)}</html>`),
    );
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'no-video' });
  });

  test('nobody there, and a place that is forbidden', async () => {
    await using camera = await cameraHttp(() => undefined);
    const { port } = camera;
    await camera[Symbol.asyncDispose]();
    await using out = await openWayOut(port);
    using nobody = watch(video, { source: http(`http://127.0.0.1:${port}/`, out.proxy) });
    expect(await nobody.ended).toMatchObject({ kind: 'failed', reason: 'unreachable' });
    using forbidden = watch(video, { source: http('http://127.0.0.1:1/', out.proxy) });
    expect(await forbidden.ended).toMatchObject({ kind: 'failed', reason: 'forbidden' });
  });

  test('who takes the connection and says nothing is given up in time', async () => {
    await using camera = await cameraHttp(() => undefined);
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy), openMs: 1_000 });
    expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'timeout' });
  });

  test('a camera that closes has ended', async () => {
    await using camera = await cameraHttp(
      (_, response) => void sendMultipart(response, [...jpegs, ...jpegs, ...jpegs], 20),
    );
    await using out = await openWayOut(camera.port);
    using watched = watch(video, { source: http(camera.url, out.proxy) });
    expect(await watched.ended).toEqual({ kind: 'ended' });
    expect(watched.pictures.length).toBeGreaterThan(0);
  });
});
