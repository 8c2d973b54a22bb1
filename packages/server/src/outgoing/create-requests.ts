import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type {
  OutgoingAnswer,
  OutgoingGet,
  OutgoingGuard,
  OutgoingPost,
  OutgoingRequests,
} from './outgoing.ts';
import { pinnedLookup } from './pinned-lookup.ts';

export interface RequestParts {
  readonly guard: OutgoingGuard;
  readonly clock: Clock;
  /** Certificates that are believed, in place of the usual ones: PEM. */
  readonly ca?: string;
}

/** Undefined: the request is a GET. */
type Body = OutgoingPost['body'] | undefined;
type Failure = Extract<OutgoingAnswer, { kind: 'failed' }>;

/** Makes what webhooks are sent with. See outgoing.ts for what it promises. */
export function createRequests(parts: RequestParts): OutgoingRequests {
  const { guard, clock } = parts;
  return {
    post: (wanted) => send(wanted, wanted.body),
    get: (wanted) => send(wanted, undefined),
  };

  async function send(wanted: OutgoingGet, body: Body): Promise<OutgoingAnswer> {
    const url = readUrl(wanted.url);
    if (url === undefined) return { kind: 'refused', host: '', reason: 'url' };
    const { promise: over, resolve: end } = Promise.withResolvers<Failure>();
    const abort = new AbortController();
    using _timer = clock.after(wanted.timeoutMs, () => end(failed('timeout', 'no answer in time')));
    const cancelled = (): void => end(failed('aborted', 'no longer wanted'));
    wanted.signal?.addEventListener('abort', cancelled);
    if (wanted.signal?.aborted === true) cancelled();
    try {
      return await Promise.race([over, attempt(wanted, body, url, abort.signal)]);
    } finally {
      wanted.signal?.removeEventListener('abort', cancelled);
      abort.abort();
    }
  }

  async function attempt(
    wanted: OutgoingGet,
    body: Body,
    url: URL,
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    const secure = url.protocol === 'https:';
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
    const reach = await guard.reach({
      host: url.hostname,
      port,
      ...(wanted.also === undefined ? {} : { also: wanted.also }),
    });
    if (reach.kind === 'refused') return reach;
    if (reach.kind === 'unresolved') return failed('unresolved', 'the host has no address');
    if (signal.aborted) return failed('aborted', 'no longer wanted');
    const { promise, resolve } = Promise.withResolvers<OutgoingAnswer>();
    // The connection goes to an address that was checked. The name stays for `Host`, and for TLS.
    const options: RequestOptions = {
      method: body === undefined ? 'GET' : 'POST',
      host: reach.host,
      port,
      path: url.pathname + url.search,
      lookup: pinnedLookup(reach.addresses),
      agent: false,
      signal,
      headers: {
        ...wanted.headers,
        host: url.host,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    };
    const tls = { ...(isIP(reach.host) === 0 ? { servername: reach.host } : {}), ...caOf(parts) };
    try {
      const request = secure ? https.request({ ...options, ...tls }) : http.request(options);
      request.on('response', (response) => readAnswer(response, wanted.answerBytes, resolve));
      request.on('error', (error) => resolve(failed('connection', codeOf(error))));
      request.end(body);
    } catch (error) {
      // A header that cannot be sent.
      resolve(failed('connection', codeOf(error)));
    }
    return promise;
  }
}

function readUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  return url.username === '' && url.password === '' ? url : undefined;
}

function readAnswer(
  response: IncomingMessage,
  limit: number,
  resolve: (answer: OutgoingAnswer) => void,
): void {
  const pieces: Buffer[] = [];
  let size = 0;
  response.on('data', (piece: Buffer) => {
    size += piece.length;
    if (size <= limit) pieces.push(piece);
    else {
      resolve(failed('too-large', 'the answer is too long'));
      response.destroy();
    }
  });
  response.on('error', (error) => resolve(failed('connection', codeOf(error))));
  response.on('end', () => {
    const headers: Record<string, string> = {};
    for (const [name, values = []] of Object.entries(response.headersDistinct))
      headers[name] = values.join(', ');
    resolve({ kind: 'answered', status: response.statusCode ?? 0, headers, body: Buffer.concat(pieces) });
  });
}

function failed(reason: Failure['reason'], detail: string): Failure {
  return { kind: 'failed', reason, detail };
}

/** The system's word for what went wrong: its messages may hold addresses and parts of what was sent. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'failed';
}

function caOf({ ca }: RequestParts): { ca?: string } {
  return ca === undefined ? {} : { ca };
}
