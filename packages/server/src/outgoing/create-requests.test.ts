import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import { NO_NETWORKS, networkList } from '../runtime/network-list.ts';
import { CERTIFICATE } from './certificate.fixture.ts';
import { createGuard } from './create-guard.ts';
import { createRequests } from './create-requests.ts';
import type { OutgoingPost, OutgoingRequests } from './outgoing.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections();
});

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  tls?: { key: string; cert: string },
): Promise<number> {
  const server = tls === undefined ? createServer(answer) : https.createServer(tls, answer);
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Requests in a world where every name is this machine, and `hook.example` may be reached. */
function requestsTo(names: readonly string[], ca?: string): OutgoingRequests {
  const guard = createGuard({
    clock: systemClock,
    allowPrivate: false,
    allowed: names.length === 0 ? NO_NETWORKS : networkList(names),
    resolveMs: 5000,
    resolve: () => Promise.resolve(['127.0.0.1']),
  });
  return createRequests({ guard, clock: systemClock, ...(ca === undefined ? {} : { ca }) });
}

const post = (url: string, more: Partial<OutgoingPost> = {}): OutgoingPost => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: '{"ping":true}',
  timeoutMs: 10_000,
  answerBytes: 1024,
  ...more,
});

describe('requests for webhooks', () => {
  test('D-22 sends the body to the address that was checked, under the name that was asked for', async () => {
    const seen: unknown[] = [];
    const port = await listen((request, response) => {
      request
        .setEncoding('utf8')
        .on('data', (body) =>
          seen.push([
            request.method,
            request.url,
            request.headers.host,
            request.headers['content-type'],
            body,
          ]),
        );
      request.on('end', () => response.writeHead(202, { 'x-a': 'b' }).end('taken'));
    });
    const answer = await requestsTo(['hook.example']).post(post(`http://hook.example:${port}/in?x=1#part`));
    expect(answer).toMatchObject({ kind: 'answered', status: 202, headers: { 'x-a': 'b' } });
    expect(answer.kind === 'answered' && Buffer.from(answer.body).toString()).toBe('taken');
    expect(seen).toEqual([['POST', '/in?x=1', `hook.example:${port}`, 'application/json', '{"ping":true}']]);
  });

  test('D-22 a GET has no body, and the same rule', async () => {
    const port = await listen((request, response) => {
      response.end(`${request.method} ${request.url} ${request.headers['content-length'] ?? 'none'}`);
    });
    const { body: _body, ...wanted } = post(`http://hook.example:${port}/keys`);
    const answer = await requestsTo(['hook.example']).get(wanted);
    expect(answer.kind === 'answered' && Buffer.from(answer.body).toString()).toBe('GET /keys none');
    expect(await requestsTo([]).get(wanted)).toMatchObject({ kind: 'refused', reason: 'address' });
  });

  test('D-22 what may not be reached is refused before anything connects', async () => {
    let connections = 0;
    const port = await listen((_request, response) => {
      connections++;
      response.end();
    });
    const requests = requestsTo([]);
    for (const host of ['127.0.0.1', '[::1]', '0x7f.1', 'localhost', 'inside.example'])
      expect(await requests.post(post(`http://${host}:${port}/`))).toMatchObject({
        kind: 'refused',
        reason: 'address',
      });
    for (const url of [
      'ftp://hook.example/',
      'file:///etc/passwd',
      'http://u:p@hook.example/',
      'nonsense',
      '',
    ])
      expect(await requests.post(post(url))).toMatchObject({ kind: 'refused', reason: 'url' });
    expect(await requests.post(post('http://hook.example:25/'))).toMatchObject({ reason: 'port' });
    expect(connections).toBe(0);
  });

  test('D-22 a redirect is an answer, and is not followed', async () => {
    const paths: (string | undefined)[] = [];
    const port = await listen((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const answer = await requestsTo(['hook.example']).post(post(`http://hook.example:${port}/first`));
    expect(answer).toMatchObject({ kind: 'answered', status: 307 });
    expect(paths).toEqual(['/first']);
  });

  test('D-22 an answer that is too long, never comes or breaks off is a failure', async () => {
    const long = await listen((_request, response) => response.end('x'.repeat(2000)));
    const silent = await listen(() => {});
    const broken = await listen((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('x');
      response.socket?.end();
    });
    const requests = requestsTo(['hook.example']);
    expect(await requests.post(post(`http://hook.example:${long}/`))).toMatchObject({ reason: 'too-large' });
    const brief = post(`http://hook.example:${silent}/`, { timeoutMs: 50 });
    expect(await requests.post(brief)).toMatchObject({ reason: 'timeout' });
    expect(await requests.post(post(`http://hook.example:${broken}/`))).toMatchObject({
      reason: 'connection',
    });
    const abort = new AbortController();
    const aborted = requests.post(post(`http://hook.example:${silent}/`, { signal: abort.signal }));
    abort.abort();
    expect(await aborted).toMatchObject({ kind: 'failed', reason: 'aborted' });
    const badHeader = post(`http://hook.example:${long}/`, { headers: { 'x-a': 'a\r\nb: c' } });
    expect(await requests.post(badHeader)).toMatchObject({ kind: 'failed', reason: 'connection' });
  });

  test('D-22 TLS asks for the name and believes its certificate alone', async () => {
    const { key, cert } = CERTIFICATE;
    const names: unknown[] = [];
    const port = await listen(
      (request, response) => {
        names.push((request.socket as TLSSocket & { servername?: string }).servername);
        response.end();
      },
      { key, cert },
    );
    const both = ['hook.example', 'other.example'];
    const believing = requestsTo(both, cert);
    expect(await believing.post(post(`https://hook.example:${port}/`))).toMatchObject({ status: 200 });
    expect(names).toEqual(['hook.example']);
    expect(await believing.post(post(`https://other.example:${port}/`))).toMatchObject({
      kind: 'failed',
      detail: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(await requestsTo(both).post(post(`https://hook.example:${port}/`))).toMatchObject({
      kind: 'failed',
    });
  });
});
