import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Of RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Completes the opening handshake (RFC 6455, section 4.2); no extension is agreed to. What is wrong with the
 * request, if anything: then nothing was written.
 */
export function shakeHands(request: IncomingMessage, socket: Duplex, protocol?: string): string | undefined {
  const { headers } = request;
  const key = headers['sec-websocket-key'];
  if (request.method !== 'GET') return 'A WebSocket is opened with GET.';
  if (headers['sec-websocket-version'] !== '13') return 'Sec-WebSocket-Version must be 13.';
  if (key === undefined || !KEY.test(key)) return 'Sec-WebSocket-Key must be 16 bytes in base64.';
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`,
  );
  return undefined;
}

/** The first of these subprotocols that the client asks for (RFC 6455, section 1.9). */
export function agreedProtocol(request: IncomingMessage, spoken: readonly string[]): string | undefined {
  const asked = new Set(
    (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim()),
  );
  return spoken.find((one) => asked.has(one));
}
