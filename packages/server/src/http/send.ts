import type { ServerResponse } from 'node:http';
import { PROBLEMS, PlayheadError } from '@playhead/protocol';
import { errorHeaders, shapeError } from './error-shape.ts';
import type { Reply } from './exchange.ts';
import { isUnread, linger } from './linger.ts';
import type { LiveExchange } from './live-exchange.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers an exchange: values as JSON, bytes and text as they are. `close` ends the connection behind it. */
export function sendReply(exchange: LiveExchange, reply: Reply, close: boolean): void {
  const { body } = reply;
  const headers = exchange.standardHeaders();
  let typed = false;
  let cached = false;
  if (reply.headers !== undefined) {
    for (const [name, value] of Object.entries(reply.headers)) {
      const lower = name.toLowerCase();
      if (lower === 'content-type') typed = true;
      else if (lower === 'cache-control') cached = true;
      headers.push(name, value);
    }
  }
  // Answers to other methods are not cached by anyone.
  if (!cached && exchange.method === 'GET') headers.push('Cache-Control', 'no-store');
  if (body === undefined) {
    write(exchange, reply.status ?? 204, headers, undefined, close);
    return;
  }
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  if (!typed) headers.push('Content-Type', raw ? 'application/octet-stream' : JSON_TYPE);
  write(exchange, reply.status ?? 200, headers, raw ? body : JSON.stringify(body), close);
}

/** Answers with an error in the shape of the path; if an answer has begun already, breaks it off instead. */
export function sendError(exchange: LiveExchange, error: PlayheadError, now: number, close: boolean): void {
  if (exchange.bareResponse.headersSent) {
    exchange.bareResponse.destroy();
    return;
  }
  const { contentType, body } = shapeError(exchange.path, error, exchange.id, now);
  const headers = exchange.standardHeaders();
  headers.push(...errorHeaders(error), 'Cache-Control', 'no-store', 'Content-Type', contentType);
  write(exchange, PROBLEMS[error.code].status, headers, body, close);
}

function write(
  exchange: LiveExchange,
  status: number,
  headers: string[],
  body: string | Uint8Array | undefined,
  close: boolean,
): void {
  const response = exchange.bareResponse;
  if (body !== undefined) headers.push('Content-Length', String(lengthOf(body)));
  // 204 and 304 have no length; any other answer without a body says that it is empty.
  else if (status !== 204 && status !== 304) headers.push('Content-Length', '0');
  const unread = status >= 400 && isUnread(exchange.request);
  if (close || unread) headers.push('Connection', 'close');
  response.writeHead(status, headers);
  if (unread) linger(exchange.request, response, body);
  else if (body === undefined) response.end();
  else response.end(body);
}

function lengthOf(body: string | Uint8Array): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}

/** Anything thrown, as the error to answer with. What is not a PlayheadError is `internal`, without detail. */
export function toError(thrown: unknown): PlayheadError {
  if (thrown instanceof PlayheadError) return thrown;
  return new PlayheadError('internal', 'The server failed. The request id names the entry in its log.', {
    cause: thrown,
  });
}

/** Whether nothing can be written any more. */
export function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded;
}
