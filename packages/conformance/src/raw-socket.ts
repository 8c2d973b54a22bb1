import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { target } from './target.ts';
import { within } from './within.ts';

/** A WebSocket of which a test writes and reads the bytes. */
export interface RawSocket extends Disposable {
  /** What the server sent behind its handshake, so far. */
  readonly received: Buffer;
  write(bytes: Buffer): void;
  /** Waits until what was received holds a frame whose first byte is this; the frame and what follows it. */
  frame(first: number): Promise<Buffer>;
}

/** Opens `/v1/socket` by hand. */
export async function openRawSocket(): Promise<RawSocket> {
  const { hostname, host, port, protocol } = new URL(target.url);
  const secure = protocol === 'https:';
  const at = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (secure ? 443 : 80)) };
  const socket = secure ? connectSecurely({ ...at, servername: hostname }) : connect(at);
  let all = Buffer.alloc(0);
  let begin = -1;
  const waiting = new Set<() => void>();
  socket.on('data', (piece: Buffer) => {
    all = Buffer.concat([all, piece]);
    if (begin === -1 && all.includes('\r\n\r\n')) begin = all.indexOf('\r\n\r\n') + 4;
    for (const look of waiting) look();
  });
  socket.on('error', () => undefined);
  function when<T>(find: () => T | undefined, what: string): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
    return within(promise, what);
  }
  const { pathname } = new URL(`${target.url}/v1/socket`);
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nX-API-Key: ${target.key}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await when(() => (begin === -1 ? undefined : begin), 'the handshake');
  const received = (): Buffer => all.subarray(begin);
  return {
    get received() {
      return received();
    },
    write: (bytes) => void socket.write(bytes),
    frame: (first) =>
      when(
        () => {
          for (let at = 0; at < received().length; at = behindFrame(received(), at)) {
            if (received()[at] === first) return received().subarray(at);
          }
          return undefined;
        },
        `a frame that begins with ${first.toString(16)}`,
      ),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Where the next frame begins. A server masks none. */
function behindFrame(bytes: Buffer, at: number): number {
  const length = (bytes[at + 1] ?? 0) & 0x7f;
  if (length < 126) return at + 2 + length;
  if (bytes.length < at + 10) return bytes.length;
  return length === 126
    ? at + 4 + bytes.readUInt16BE(at + 2)
    : at + 10 + Number(bytes.readBigUInt64BE(at + 2));
}

/** One masked frame of a client; the mask is zero. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
      : Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
