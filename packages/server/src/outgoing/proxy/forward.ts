import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { answerTrouble, writeTrouble } from './answers.ts';
import { proxyAuthorization, type WayOut } from './connect.ts';
import { readAbsolute, readAuthority } from './destination.ts';
import { forwarded } from './headers.ts';
import type { Pass } from './pass.ts';
import type { Destination } from './route.ts';
import { splice } from './splice.ts';

/** Heads of answers up to so many bytes: browsers take more than Node does. */
const HEAD_BYTES = 64 * 1024;

/** `CONNECT host:port`: a tunnel, once there is a connection. */
export async function tunnel(
  pass: Pass,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const destination = readAuthority(request.url ?? '');
  if (destination === undefined) {
    writeTrouble(client, { kind: 'malformed' });
    return;
  }
  const opened = await pass.open(destination, 'tunnel', goneSignal(client));
  if (opened.kind === 'trouble') writeTrouble(client, opened.trouble);
  else if (client.destroyed) opened.socket.destroy();
  else {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) opened.socket.write(head);
    splice(client, opened.socket);
  }
}

/** A request for an absolute http URL that asks to speak another protocol: the connection is the site's from here on. */
export async function upgrade(
  pass: Pass,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const target = readAbsolute(request.url ?? '');
  if (target === undefined) {
    writeTrouble(client, { kind: 'malformed' });
    return;
  }
  const opened = await pass.open(target, 'tunnel', goneSignal(client));
  if (opened.kind === 'trouble') writeTrouble(client, opened.trouble);
  else if (client.destroyed) opened.socket.destroy();
  else {
    const headers = forwarded(request.rawHeaders, ['host'], ['upgrade', 'connection']);
    let text = `${request.method} ${target.path} HTTP/1.1\r\nHost: ${target.authority}\r\n`;
    for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
    opened.socket.write(`${text}\r\n`, 'latin1');
    if (head.length > 0) opened.socket.write(head);
    splice(client, opened.socket);
  }
}

/** A request for an absolute http URL. */
export async function forward(pass: Pass, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = readAbsolute(request.url ?? '');
  if (target === undefined) {
    answerTrouble(response, { kind: 'malformed' });
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const opened = await pass.open(target, 'request', gone.signal);
  if (opened.kind === 'trouble') {
    answerTrouble(response, opened.trouble);
    return;
  }
  const { socket } = opened;
  if (gone.signal.aborted) {
    socket.destroy();
    return;
  }
  gone.signal.addEventListener('abort', () => socket.destroy());
  const { way } = opened;
  const asked = http.request({
    createConnection: () => socket,
    method: request.method,
    path: way.kind === 'direct' ? target.path : `http://${authorityOf(way)}${target.path}`,
    headers: [
      'Host',
      target.authority,
      ...credentialsFor(way),
      ...framingOf(request),
      ...forwarded(request.rawHeaders, ['host']),
    ],
    maxHeaderSize: HEAD_BYTES,
  });
  const failed = (): void =>
    answerTrouble(response, { kind: way.kind === 'direct' ? 'unreachable' : 'upstream' });
  asked.on('error', failed);
  asked.on('response', (answer) => {
    if (!passHead(answer, response, way)) {
      failed();
      socket.destroy();
      return;
    }
    pipeline(answer, response, () => socket.destroy());
  });
  pipeline(request, asked, () => {});
}

function passHead(answer: IncomingMessage, response: ServerResponse, way: WayOut): boolean {
  const { statusCode = 502, statusMessage } = answer;
  // The other proxy asks us, not the browser.
  if (statusCode === 407 && way.kind === 'upstream') return false;
  try {
    response.writeHead(statusCode, statusMessage, forwarded(answer.rawHeaders));
    return true;
  } catch {
    // What a lenient parser took cannot be written.
    return false;
  }
}

function authorityOf({ host, port }: Destination): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function credentialsFor(way: WayOut): string[] {
  const authorization = way.kind === 'upstream' ? proxyAuthorization(way.upstream) : undefined;
  return authorization === undefined ? [] : ['Proxy-Authorization', authorization];
}

/** How the body is told from what follows: a length is passed on as it is; without one there is none, unless in chunks. */
function framingOf({ headers, method }: IncomingMessage): string[] {
  if (headers['transfer-encoding'] !== undefined) return ['Transfer-Encoding', 'chunked'];
  const bodiless = method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'DELETE';
  return bodiless || headers['content-length'] !== undefined ? [] : ['Content-Length', '0'];
}

function goneSignal(client: Socket): AbortSignal {
  const gone = new AbortController();
  client.once('close', () => gone.abort());
  return gone.signal;
}
