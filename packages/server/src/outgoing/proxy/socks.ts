import { isIP, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface SocksWanted {
  /** A name, or an address. */
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;

/** Asks a SOCKS proxy for a connection (RFC 1928, RFC 1929). After it the socket leads to the destination. */
export async function askSocks(socket: Socket, wanted: SocksWanted, signal: AbortSignal): Promise<void> {
  const { credentials } = wanted;
  const methods = credentials === undefined ? [NO_LOGIN] : [NO_LOGIN, LOGIN];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method = 0xff] = await readExactly(socket, 2, signal);
  if (version !== VERSION) throw new Error('not a SOCKS proxy');
  if (method === LOGIN && credentials !== undefined) {
    const user = Buffer.from(credentials.username);
    const password = Buffer.from(credentials.password);
    socket.write(
      Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]),
    );
    const [, status] = await readExactly(socket, 2, signal);
    if (status !== 0) throw new Error('the SOCKS proxy refused the login');
  } else if (method !== NO_LOGIN) {
    throw new Error('the SOCKS proxy wants another login');
  }
  const port = Buffer.allocUnsafe(2);
  port.writeUInt16BE(wanted.port);
  socket.write(Buffer.concat([Buffer.from([VERSION, 1, 0]), addressBytes(wanted.host), port]));
  const [, reply, , kind] = await readExactly(socket, 4, signal);
  if (reply !== 0) throw new Error(`the SOCKS proxy refused (${reply})`);
  await readExactly(socket, (await boundLength(socket, kind, signal)) + 2, signal);
}

function addressBytes(host: string): Buffer {
  const family = isIP(host);
  if (family !== 0) return Buffer.from([family === 4 ? 1 : 4, ...ipaddr.parse(host).toByteArray()]);
  const name = Buffer.from(host);
  return Buffer.concat([Buffer.from([3, name.length]), name]);
}

/** Of the address in the reply, which nobody needs. */
async function boundLength(socket: Socket, kind: number | undefined, signal: AbortSignal): Promise<number> {
  switch (kind) {
    case 1:
      return 4;
    case 4:
      return 16;
    case 3:
      return (await readExactly(socket, 1, signal))[0] ?? 0;
    default:
      throw new Error('not a SOCKS proxy');
  }
}

/** So many bytes; what follows them stays in the socket. */
async function readExactly(socket: Socket, count: number, signal: AbortSignal): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < count) {
    signal.throwIfAborted();
    // All that is there: asked for more than that, a socket says again and again that it is readable.
    const piece = socket.read() as Buffer | null;
    if (piece !== null) bytes = Buffer.concat([bytes, piece]);
    else if (socket.readableEnded || socket.destroyed) throw new Error('the SOCKS proxy hung up');
    else await moreOf(socket, signal);
  }
  if (bytes.length > count) socket.unshift(bytes.subarray(count));
  return bytes.subarray(0, count);
}

/** Until it has more bytes, or will never have. */
function moreOf(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of EVENTS) socket.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    for (const event of EVENTS) socket.on(event, done);
    signal.addEventListener('abort', done);
  });
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const;
