import type { IncomingMessage, ServerResponse } from 'node:http';

/** How much of an unwanted body is read and thrown away, and for how long, before the connection is cut. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_MS = 5_000;

/** Bodies up to this length are read to their end by Node itself, and the connection is kept. */
const SMALL = 64 * 1024;

/** Whether so much of a request's body may still be on its way that it is not worth waiting for. */
export function isUnread(request: IncomingMessage): boolean {
  if (request.complete) return false;
  const declared = request.headers['content-length'];
  if (declared !== undefined) return Number(declared) > SMALL;
  return request.headers['transfer-encoding'] !== undefined;
}

/**
 * Sends an answer to a request whose body is still on its way, and ends the connection behind it. To cut it at
 * once would reset it: a client that is still writing then sees a broken connection in place of the answer. So
 * what comes is thrown away for a while. The answer carries its length, so the client has it whole before.
 */
export function linger(
  request: IncomingMessage,
  response: ServerResponse,
  body: string | Uint8Array | undefined,
): void {
  response.flushHeaders();
  if (body !== undefined) response.write(body);
  let bytes = 0;
  const timer = setTimeout(finish, MAX_MS).unref();
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) finish();
  });
  request.on('end', finish);
  request.on('error', finish);
  request.on('close', finish);
  request.resume();

  function finish(): void {
    clearTimeout(timer);
    if (!response.writableEnded) response.end();
  }
}
