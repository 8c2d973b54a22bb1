import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { PlayheadError } from '@playhead/protocol';

/**
 * The whole body of a request, in memory, as `convert` makes it. Rejects with `too-large` at once if more is
 * declared than `limit` bytes, or as soon as more has come: what a client declares is never taken for what it
 * sends. Rejects with `invalid-request` if the connection ends inside the body. A body that comes too slowly is
 * the server's `requestTimeout`.
 *
 * One promise and three listeners: this is the hot path of every append.
 */
export function readBody<T>(
  request: IncomingMessage,
  limit: number,
  convert: (body: Buffer, request: IncomingMessage) => T,
): Promise<T> {
  const declared = request.headers['content-length'];
  if (declared !== undefined && Number(declared) > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        chunks = undefined;
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else if (chunks === undefined) chunks = [first, chunk];
      else chunks.push(chunk);
    });
    request.on('end', () => {
      // Too much came: that was said already.
      if (length > limit) return;
      const body = chunks === undefined ? (first ?? EMPTY) : Buffer.concat(chunks);
      try {
        resolve(convert(body, request));
      } catch (error) {
        reject(error);
      }
    });
    // A request closes after its end too; only before it that is an error, and one that is costly to make.
    request.on('close', () => {
      if (!request.complete) reject(interrupted());
    });
  });
}

const EMPTY = Buffer.alloc(0);

/**
 * A body as JSON; undefined if it is empty. Throws `unsupported-media-type` if a body is there that is not called
 * JSON, and `invalid-json` for one that is none, or no UTF-8.
 */
export function parseJson(body: Buffer, request: IncomingMessage): unknown {
  if (body.length === 0) return undefined;
  if (!isJsonType(request.headers['content-type'])) {
    throw new PlayheadError(
      'unsupported-media-type',
      'The body must be sent with Content-Type: application/json.',
    );
  }
  const text = body.toString('utf8');
  // Decoding puts U+FFFD where bytes are wrong; only a text that has one needs the second look.
  if (text.includes('\ufffd') && !isUtf8(body)) {
    throw new PlayheadError('invalid-json', 'The body is not UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlayheadError('invalid-json', 'The body is not valid JSON.', { cause });
  }
}

/** `application/json`, `application/<x>+json`, with or without parameters. */
function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  if (contentType === 'application/json') return true;
  return /^application\/(?:[a-z0-9.!#$&^_-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

function tooLarge(limit: number): PlayheadError {
  return new PlayheadError('too-large', `The body is over the limit of ${limit} bytes.`, {
    extensions: { limit },
  });
}

function interrupted(): PlayheadError {
  return new PlayheadError('invalid-request', 'The connection ended inside the body.');
}
