import type { Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import type { EgressRefusal } from '../egress.ts';

/** Why a browser gets an answer of the proxy itself. */
export type Trouble =
  | { readonly kind: 'refused'; readonly reason: EgressRefusal['reason'] }
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'timeout' }
  /** The other proxy did not do it. */
  | { readonly kind: 'upstream' }
  | { readonly kind: 'malformed' };

interface Answer {
  readonly status: number;
  readonly phrase: string;
  /** The error types of RFC 9209, by which a program tells these apart from answers of the site. */
  readonly error: string;
  readonly text: string;
}

function answerTo(trouble: Trouble): Answer {
  switch (trouble.kind) {
    case 'refused':
      return trouble.reason === 'limit'
        ? {
            status: 503,
            phrase: 'Service Unavailable',
            error: 'connection_limit_reached',
            text: 'This browser has too many connections open.',
          }
        : {
            status: 403,
            phrase: 'Forbidden',
            error: trouble.reason === 'address' ? 'destination_ip_prohibited' : 'http_request_denied',
            text: 'This browser may not reach that address.',
          };
    case 'unresolved':
      return { status: 502, phrase: 'Bad Gateway', error: 'dns_error', text: 'The host has no address.' };
    case 'unreachable':
      return {
        status: 502,
        phrase: 'Bad Gateway',
        error: 'connection_refused',
        text: 'The host does not answer.',
      };
    case 'timeout':
      return {
        status: 504,
        phrase: 'Gateway Timeout',
        error: 'connection_timeout',
        text: 'The host does not answer.',
      };
    case 'upstream':
      return {
        status: 502,
        phrase: 'Bad Gateway',
        error: 'proxy_configuration_error',
        text: "The computer's proxy does not lead there.",
      };
    case 'malformed':
      return { status: 400, phrase: 'Bad Request', error: 'http_request_error', text: 'This is a proxy.' };
  }
}

function headersOf({ error, text }: Answer): Record<string, string> {
  return {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'proxy-status': `playhead; error=${error}`,
  };
}

/** Answers a request, if nothing was answered yet; else breaks the answer off. */
export function answerTrouble(response: ServerResponse, trouble: Trouble): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const answer = answerTo(trouble);
  response.writeHead(answer.status, answer.phrase, headersOf(answer)).end(answer.text);
}

/** The same on a connection that asked for a tunnel. */
export function writeTrouble(socket: Socket, trouble: Trouble): void {
  const answer = answerTo(trouble);
  writeRaw(socket, answer.status, answer.phrase, headersOf(answer), answer.text);
}

const NEEDED = { 'proxy-authenticate': 'Basic realm="Playhead"', 'content-length': '0' };

export function answerUnknown(response: ServerResponse): void {
  response.writeHead(407, NEEDED).end();
}

export function writeUnknown(socket: Socket): void {
  writeRaw(socket, 407, 'Proxy Authentication Required', NEEDED, '');
}

function writeRaw(
  socket: Socket,
  status: number,
  phrase: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${phrase}\r\n${lines.join('')}connection: close\r\n\r\n${body}`);
}
