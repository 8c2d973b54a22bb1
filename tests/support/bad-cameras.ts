import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { type CameraHttp, cameraHttp, sendMultipart } from './camera-http.ts';
import { watchCamera } from './cameras.ts';
import { JPEGS } from './jpegs.ts';
import { listenOnLoopback, type Loopback } from './loopback.ts';
import { startServer, type TestServer } from './server.ts';

const { red, green, blue } = JPEGS;
const NOISE = Buffer.alloc(500, 'no picture ');

/** A server that lets cameras at this machine, and gives up on them soon. */
export function startOpenServer(): Promise<TestServer> {
  return startServer({
    env: {
      PLAYHEAD_ALLOWED_NETWORKS: '127.0.0.1',
      PLAYHEAD_CAMERA_OPEN_MS: '2000',
      PLAYHEAD_CAMERA_CHECK_MS: '50',
      PLAYHEAD_LOG_LEVEL: 'debug',
    },
  });
}

/** Waits until other cameras are seen to be unharmed: one shows new frames to a new viewer. */
export async function othersLive(server: TestServer): Promise<void> {
  using viewer = await watchCamera(server, 'demo', { query: '' });
  await viewer.when(() => viewer.texts[2], 'frames of another camera');
}

export interface BadCamerasOptions {
  /** A file that no camera may open. */
  readonly secretFile: string;
  /** A port of 127.0.0.2, where no camera may go. */
  readonly away: number;
}

/** An HTTP server on loopback with a camera at each path, none of which is as it should be but `/good`. */
export async function badCameras({ secretFile, away }: BadCamerasOptions): Promise<CameraHttp> {
  return cameraHttp((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    switch (path) {
      case '/silent':
        return;
      case '/401':
        response.writeHead(401, { 'www-authenticate': 'Basic realm="camera"' }).end();
        return;
      case '/404':
        response.writeHead(404).end();
        return;
      case '/500':
        response.writeHead(500).end();
        return;
      case '/page':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>no camera</html>');
        return;
      case '/empty':
        response.writeHead(200, { 'content-type': 'image/jpeg' }).end();
        return;
      case '/noise':
        response.writeHead(200, { 'content-type': 'video/mp4' }).end(randomBytes(300_000));
        return;
      case '/boundary':
        response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=x' });
        response.end(`--x\r\nContent-Length: 99999999999\r\n\r\n`);
        return;
      case '/ends':
        void sendMultipart(response, [red, green, blue], 50);
        return;
      case '/good':
        void sendMultipart(response, forever(red, green, blue), 50);
        return;
      case '/grows':
        void sendMultipart(
          response,
          forever(red, red, red, resized(96, 80), resized(96, 80), resized(96, 80)),
          50,
        );
        return;
      case '/broken':
        // Cut in the middle, with noise where pixels are, and nothing of the kind.
        void sendMultipart(response, forever(red, noisy(green), red.subarray(0, 200), NOISE, blue), 50);
        return;
      case '/redirect-file':
        response.writeHead(302, { location: `file://${secretFile}` }).end();
        return;
      case '/redirect-away':
        response.writeHead(302, { location: `http://127.0.0.2:${away}/good` }).end();
        return;
      case '/redirect-loop':
        response.writeHead(302, { location: '/redirect-loop' }).end();
        return;
      case '/list.m3u8':
        response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' });
        response.end(playlist(`file://${secretFile}`));
        return;
      case '/away.m3u8':
        response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' });
        response.end(playlist(`http://127.0.0.2:${away}/segment.ts`));
        return;
      default:
        response.writeHead(404).end();
    }
  });
}

async function* forever(...pictures: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (;;) yield* pictures;
}

/** A playlist of one segment. */
export function playlist(segment: string): string {
  return `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${segment}\n#EXT-X-ENDLIST\n`;
}

/** A JPEG whose markers are well and whose pixels are not. */
function noisy(jpeg: Buffer): Buffer {
  const from = jpeg.indexOf(Buffer.from([0xff, 0xda])) + 14;
  const pixels = Buffer.alloc(jpeg.length - from - 2, 0x55);
  return Buffer.concat([jpeg.subarray(0, from), pixels, jpeg.subarray(-2)]);
}

/** The same JPEG with other numbers for its size. */
export function resized(width: number, height: number): Buffer {
  const jpeg = Buffer.from(red);
  const at = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.writeUInt16BE(height, at + 5);
  jpeg.writeUInt16BE(width, at + 7);
  return jpeg;
}

/** Something that listens on loopback. */
export function listenOn(taken: (socket: Socket) => void, host?: string): Promise<Loopback> {
  const listener = createServer((socket) => {
    socket.on('error', () => undefined);
    taken(socket);
  });
  return listenOnLoopback(listener, host);
}
