import { STATUS_CODES, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type PlayheadError, PROBLEMS } from '@playhead/protocol';
import { errorHeaders, shapeError } from './error-shape.ts';

/**
 * Answers what the HTTP parser refused or gave up on: there is no request object, so no path to choose a shape
 * by, and the connection cannot be used again. If an answer is under way already it is left to break off.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET' || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const status = STATUS[error.code ?? ''] ?? '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nX-Content-Type-Options: nosniff\r\n\r\n`,
  );
}

/** By Node's own error codes. */
const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Whether a response to an earlier part of this connection has its head out. Node keeps it on the socket. */
function isAnswering(socket: Duplex): boolean {
  const message: unknown = Reflect.get(socket, '_httpMessage');
  return message instanceof ServerResponse && message.headersSent;
}

/** An error as the raw HTTP response on a socket that has no response object, e.g. a refused upgrade. */
export function writeRawError(
  socket: Duplex,
  path: string,
  error: PlayheadError,
  id: string,
  now: number,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { contentType, body } = shapeError(path, error, id, now);
  const headers = [
    'X-Request-Id',
    id,
    'X-Content-Type-Options',
    'nosniff',
    ...errorHeaders(error),
    'Cache-Control',
    'no-store',
    'Content-Type',
    contentType,
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Connection',
    'close',
  ];
  const { status } = PROBLEMS[error.code];
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.end(`${text}\r\n${body}`);
}
