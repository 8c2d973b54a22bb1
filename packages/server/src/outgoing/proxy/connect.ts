import http from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { pinnedLookup } from '../pinned-lookup.ts';
import type { Route } from './route.ts';
import { askSocks } from './socks.ts';
import type { Upstream } from './upstream.ts';

export type WayOut = Extract<Route, { kind: 'direct' | 'upstream' }>;

export interface ConnectOptions {
  /** Aborting it gives up, and rejects. */
  readonly signal: AbortSignal;
  /** Certificates that are believed of proxies over TLS, in place of the usual ones: PEM. */
  readonly ca?: string;
}

/** A connection that leads to the destination, whatever is between. Rejects with what went wrong. */
export async function connectThrough(way: WayOut, options: ConnectOptions): Promise<Socket> {
  if (way.kind === 'direct') return dial(way.host, way.port, way.addresses, options.signal);
  const socket = await connectUpstream(way, options);
  try {
    if (way.upstream.scheme === 'socks5')
      await askSocks(
        socket,
        { host: way.host, port: way.port, credentials: way.upstream.credentials },
        options.signal,
      );
    else await askForTunnel(socket, way, options.signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** A connection to the other proxy itself. */
export async function connectUpstream(
  { upstream, addresses }: Extract<WayOut, { kind: 'upstream' }>,
  { signal, ca }: ConnectOptions,
): Promise<Socket> {
  const socket = await dial(upstream.host, upstream.port, addresses, signal);
  if (upstream.scheme !== 'https') return socket;
  const name = isIP(upstream.host) === 0 ? { servername: upstream.host } : { host: upstream.host };
  const secure = tls.connect({
    socket,
    ...name,
    ALPNProtocols: ['http/1.1'],
    ...(ca === undefined ? {} : { ca }),
  });
  return opened(secure, 'secureConnect', signal);
}

/** What a proxy is told of who asks; undefined if it is told nothing. */
export function proxyAuthorization({ credentials }: Upstream): string | undefined {
  if (credentials === undefined) return undefined;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** To one of the addresses, the next if one does not answer. */
function dial(
  host: string,
  port: number,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({
    host,
    port,
    lookup: pinnedLookup(addresses),
    autoSelectFamily: true,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  });
  return opened(socket, 'connect', signal);
}

function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const give = (): void => void socket.destroy(new Error('given up'));
    const settle = (): void => {
      signal.removeEventListener('abort', give);
      socket.off('error', failed).off('close', closed);
    };
    const failed = (error: Error): void => {
      settle();
      // It may fail once more while it is torn down.
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const closed = (): void => failed(new Error('closed'));
    socket.on('error', failed).on('close', closed);
    socket.once(event, () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) give();
    else signal.addEventListener('abort', give);
  });
}

function askForTunnel(
  socket: Socket,
  { upstream, host, port }: Extract<WayOut, { kind: 'upstream' }>,
  signal: AbortSignal,
): Promise<void> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const authorization = proxyAuthorization(upstream);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = http.request({
    method: 'CONNECT',
    path: authority,
    createConnection: () => socket,
    signal,
    headers: {
      host: authority,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
  });
  request.on('error', reject);
  request.on('response', () => reject(new UpstreamRefused()));
  request.on('connect', (response, connected: Socket, head: Buffer) => {
    if (response.statusCode === undefined || response.statusCode < 200 || response.statusCode > 299)
      reject(new UpstreamRefused());
    else {
      if (head.length > 0) connected.unshift(head);
      resolve();
    }
  });
  request.end();
  return promise;
}

/** The other proxy said no. */
export class UpstreamRefused extends Error {
  override readonly name = 'UpstreamRefused';
}
