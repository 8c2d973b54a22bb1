import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

export interface CameraHttp extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** Requests that came, by path. */
  readonly asked: readonly string[];
}

/** An HTTP server on loopback that is whatever a test makes it. */
export async function cameraHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<CameraHttp> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.on('error', () => undefined);
    answer(request, response);
  });
  const { url, port, close } = await listenOnLoopback(server);
  return { url, port, asked, [Symbol.asyncDispose]: close };
}

/** Sends JPEGs one after the other, for as long as the camera's reader is there and pictures are. */
export async function sendMultipart(
  response: ServerResponse,
  pictures: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  intervalMs: number,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=picture' });
  for await (const jpeg of pictures) {
    if (response.destroyed) return;
    response.write(`--picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`);
    response.write(jpeg);
    response.write('\r\n');
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  response.end();
}
