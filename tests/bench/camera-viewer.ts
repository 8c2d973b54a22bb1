import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** Somebody who watches a camera, at as little cost as that takes: frames are looked at no further than their heads. */
export interface CameraViewer extends Disposable {
  /** Frames that have come, and their bytes. */
  readonly frames: number;
  readonly bytes: number;
  /** From when a frame was made to when all of it was here, ms, since it was last cleared. */
  readonly ages: number[];
}

const HEAD_MAX = 4_096;
const BINARY = 2;
const PING = 9;

/** `reads`: whether it takes anything at all. Resolves with the handshake done. */
export async function watchCamera(url: URL, reads = true): Promise<CameraViewer> {
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  socket.write(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
      'Sec-WebSocket-Protocol: playhead.frames.v1\r\n\r\n',
  );
  const seen = { frames: 0, bytes: 0, ages: [] as number[] };
  await handshake(socket, reads, messageReader(socket, seen));
  return {
    get frames() {
      return seen.frames;
    },
    get bytes() {
      return seen.bytes;
    },
    ages: seen.ages,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

function handshake(socket: Socket, reads: boolean, read: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let head: Buffer = Buffer.alloc(0);
    socket.once('close', () => reject(new Error('The socket was closed.')));
    socket.on('data', function first(chunk: Buffer) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', first);
      const status = head.toString('latin1', 0, 12);
      if (status !== 'HTTP/1.1 101') return reject(new Error(`The handshake was answered ${status}.`));
      if (reads) {
        socket.on('data', read);
        read(head.subarray(end + 4));
      } else socket.pause();
      resolve();
    });
  });
}

/** Counts binary messages, and answers pings. A server's frames are not masked. */
function messageReader(
  socket: Socket,
  seen: { frames: number; bytes: number; ages: number[] },
): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  /** Of the payload that comes: its kind, its size, what of it is kept, and how much has come. */
  let payload: { opcode: number; size: number; start: Buffer; came: number } | undefined;

  function ended({ opcode, size, start }: NonNullable<typeof payload>): void {
    if (opcode === PING) {
      // Masked with zeros, which changes nothing.
      socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | size, 0, 0, 0, 0]), start.subarray(0, size)]));
    } else if (opcode === BINARY) {
      const head = JSON.parse(start.toString('utf8', 2, 2 + start.readUInt16BE())) as { time: number };
      seen.frames++;
      seen.bytes += size;
      seen.ages.push(Date.now() - head.time);
    }
  }

  return (chunk) => {
    let bytes: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    held = Buffer.alloc(0);
    for (;;) {
      if (payload === undefined) {
        const length = (bytes[1] ?? 0) & 0x7f;
        const start = length === 126 ? 4 : length === 127 ? 10 : 2;
        if (bytes.length < start) {
          held = Buffer.from(bytes);
          return;
        }
        const size = length === 126 ? bytes.readUInt16BE(2) : length === 127 ? bytes.readUInt32BE(6) : length;
        payload = {
          opcode: (bytes[0] ?? 0) & 0x0f,
          size,
          start: Buffer.alloc(Math.min(size, HEAD_MAX)),
          came: 0,
        };
        bytes = bytes.subarray(start);
      }
      const part = bytes.subarray(0, payload.size - payload.came);
      if (payload.came < payload.start.length) part.copy(payload.start, payload.came);
      payload.came += part.length;
      bytes = bytes.subarray(part.length);
      if (payload.came < payload.size) return;
      const whole = payload;
      payload = undefined;
      ended(whole);
      if (bytes.length === 0) return;
    }
  };
}
