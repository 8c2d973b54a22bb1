import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Target } from './target.ts';

/** The server under test, on loopback, for clients that send no key: every request is given one. */
export interface KeyProxy extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/**
 * Forwards whatever it is sent, unchanged but for the key. A request that brings a credential of its own keeps it as
 * well. The Host header stays that of the client, because URLs in answers follow it.
 */
export async function startKeyProxy({ url, key }: Pick<Target, 'url' | 'key'>): Promise<KeyProxy> {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const local = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const asked = send({
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: `${pathname === '/' ? '' : pathname}${incoming.url ?? '/'}`,
      method: incoming.method,
      headers: {
        ...incoming.headers,
        ...(local ? {} : { host }),
        ...(key === '' ? {} : { 'x-api-key': key }),
      },
      agent: false,
    });
    asked.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      // Headers at once: an event stream may be silent for long.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    asked.on('error', () => outgoing.destroy());
    incoming.pipe(asked);
    incoming.on('error', () => asked.destroy());
    outgoing.on('close', () => asked.destroy());
  };
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
