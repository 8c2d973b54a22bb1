import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { expect } from 'vitest';
import { target } from './target.ts';
import { within } from './within.ts';

export interface AskOptions {
  readonly method?: string;
  /** A value is sent as JSON; text and bytes as they are, as JSON unless `headers` name another type. */
  readonly body?: unknown;
  /** Sent as X-API-Key. Default: the key of the target; null: none. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON, in the shape that the caller expects. Throws if it is none. */
  json<T = unknown>(): T;
}

/** One request, over bare node:http: unlike fetch it sends any header, and shows exactly what comes. */
export async function ask(path: string, options: AskOptions = {}): Promise<Answer> {
  const incoming = await begin(path, options);
  const pieces: Buffer[] = [];
  const whole = new Promise<Answer>((resolve) => {
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('error', () => undefined);
    incoming.on('close', () => {
      const bytes = Buffer.concat(pieces);
      const text = bytes.toString('utf8');
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        bytes,
        text,
        json: <T>() => JSON.parse(text) as T,
      });
    });
  });
  return within(whole, `the answer to ${options.method ?? 'GET'} ${path}`);
}

/** Sends a request and gives the answer once its head is there. */
export function begin(path: string, options: AskOptions): Promise<IncomingMessage> {
  const { body, method = 'GET' } = options;
  const payload =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const headers = credentials(options);
  if (payload !== undefined) headers['content-type'] ??= 'application/json';
  const { protocol, hostname, port, pathname } = new URL(target.url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  // The path as it is: a URL would be put in order first.
  const at = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: `${pathname === '/' ? '' : pathname}${path}`,
  };
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = send({ ...at, method, headers, agent: false }, resolve);
    outgoing.on('error', (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })));
    outgoing.end(payload);
  });
  return within(answer, `an answer to ${method} ${path}`);
}

function credentials({ key, headers }: AskOptions): Record<string, string> {
  const shown = key === undefined ? target.key : key;
  return { ...(shown === null ? {} : { 'x-api-key': shown }), ...headers };
}

/** An error of the own faces (RFC 9457); gives the whole document. */
export function expectProblem(answer: Answer, status: number, code: string): Record<string, unknown> {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(code)]);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = answer.json<Record<string, unknown>>();
  const texts = { title: expect.any(String) as unknown, detail: expect.any(String) as unknown };
  expect(problem).toMatchObject({ type: `urn:playhead:error:${code}`, status, code, ...texts });
  return problem;
}
