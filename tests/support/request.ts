import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { TestServer } from './server.ts';
import { within } from './within.ts';

export interface RequestOptions {
  readonly method?: string;
  /** A value is sent as JSON; text and bytes as they are, with the type JSON unless `headers` name another. */
  readonly body?: unknown;
  /** Sent as X-API-Key. Default: the admin key; null: none. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as it came. */
  readonly bytes: Buffer;
  /** The body as JSON, in the shape that the caller expects. Throws if it is none. */
  json<T = unknown>(): T;
}

/** The documented envelope of the command face. */
export interface Envelope<T> {
  readonly data: T;
  readonly meta: { readonly request_id: string; readonly timestamp: string };
}

/** The documented error of the command face. */
export interface CommandError {
  readonly error: { readonly code: string; readonly message: string };
  readonly meta: { readonly request_id: string; readonly timestamp: string };
}

/** Headers of a request to the server, the credential included. */
export function requestHeaders(server: TestServer, options: RequestOptions): Record<string, string> {
  const key = options.key === undefined ? server.key : options.key;
  return { ...(key === null ? {} : { 'x-api-key': key }), ...options.headers };
}

/**
 * One whole request over bare `node:http`: unlike fetch it sends any Host header and any body, and it gives
 * the answer even if the server refused the body half-way.
 */
export function request(server: TestServer, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { body } = options;
  const payload =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const headers = requestHeaders(server, options);
  if (payload !== undefined) headers['content-type'] ??= 'application/json';
  const answer = new Promise<Answer>((resolve, reject) => {
    let answered = false;
    const outgoing = httpRequest(
      // A connection of its own, so that a refused body spoils no other request.
      { host: '127.0.0.1', port: server.port, path, method: options.method ?? 'GET', headers, agent: false },
      (incoming) => {
        answered = true;
        const pieces: Buffer[] = [];
        const finish = (): void => {
          const bytes = Buffer.concat(pieces);
          const text = bytes.toString('utf8');
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text,
            bytes,
            json: <T>() => JSON.parse(text) as T,
          });
        };
        incoming.on('data', (piece: Buffer) => pieces.push(piece));
        incoming.on('end', finish);
        incoming.on('error', finish);
      },
    );
    // The server may answer and close while the body is still being written: that answer is what we want.
    outgoing.on('error', (error) => {
      if (!answered)
        setImmediate(() =>
          answered
            ? undefined
            : reject(new Error(`${options.method ?? 'GET'} ${path}: ${error.message}`, { cause: error })),
        );
    });
    outgoing.end(payload);
  });
  return within(answer, `an answer to ${options.method ?? 'GET'} ${path}`);
}
