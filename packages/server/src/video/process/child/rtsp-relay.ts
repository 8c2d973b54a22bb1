import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { VideoSourceSpec } from '../../video.ts';
import { SourceFailure } from './failure.ts';
import { createRtspReader } from './rtsp-reader.ts';

export interface RtspRelay {
  /** What FFmpeg is to open instead: on loopback, with the path and the credentials of the camera's. */
  readonly url: string;
  /** Why it came to an end, where it knows more than FFmpeg does. */
  readonly failure: SourceFailure | undefined;
}

const PORT = 554;
const TLS_PORT = 322;

/** By codes of Node's sockets. */
const REFUSALS: Readonly<Record<string, readonly ['unreachable' | 'timeout', string]>> = {
  ECONNREFUSED: ['unreachable', 'It refuses connections.'],
  ECONNRESET: ['unreachable', 'It cut the connection.'],
  EHOSTUNREACH: ['unreachable', 'It cannot be reached.'],
  ENETUNREACH: ['unreachable', 'Its network cannot be reached.'],
  ETIMEDOUT: ['timeout', 'It did not answer in time.'],
};

/**
 * A way to one camera, at the address that was checked and no other: FFmpeg, which would follow a redirect to anywhere,
 * connects to this alone. What the camera answers is read here and said anew, so nothing gets through that was read in
 * another way than FFmpeg reads it. It also does TLS. It takes one connection.
 */
export async function openRtspRelay(source: Extract<VideoSourceSpec, { kind: 'rtsp' }>): Promise<RtspRelay> {
  const url = new URL(source.url);
  const secure = url.protocol === 'rtsps:';
  const port = url.port === '' ? (secure ? TLS_PORT : PORT) : Number(url.port);
  let failure: SourceFailure | undefined;
  const server = createServer((near) => {
    server.close();
    const far = secure
      ? // Cameras sign for themselves: it is encrypted, and the address was checked, but not the name (ADR 0012).
        connectTls({ host: source.address, port, servername: name(url.hostname), rejectUnauthorized: false })
      : connect({ host: source.address, port });
    far.setNoDelay(true);
    near.setNoDelay(true);
    const reader = createRtspReader({
      address: source.address,
      forward: (bytes) => {
        if (!near.write(bytes)) far.pause();
      },
      fail: (failed) => {
        failure ??= failed;
        far.destroy();
        near.destroy();
      },
    });
    near.on('drain', () => far.resume());
    near.on('data', (bytes) => {
      if (!far.write(bytes)) near.pause();
    });
    far.on('drain', () => near.resume());
    far.on('data', reader);
    far.on('error', ({ code }: NodeJS.ErrnoException) => {
      const [reason, message] = REFUSALS[code ?? ''] ?? ['unreachable', 'It cannot be reached.'];
      failure ??= new SourceFailure(reason, message);
    });
    near.on('error', () => undefined);
    endWith(near, far);
    endWith(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listening = server.address();
  if (listening === null || typeof listening === 'string') throw new TypeError('The relay has no port.');
  url.protocol = 'rtsp:';
  return {
    url: `rtsp://${credentials(url)}127.0.0.1:${listening.port}${withoutOptions(url.pathname + url.search)}`,
    get failure() {
      return failure;
    },
  };
}

/** What FFmpeg takes out of the end of an address for itself: the way that packets go, which was decided. */
const OPTIONS: ReadonlySet<string> = new Set([
  'udp',
  'tcp',
  'multicast',
  'udp_multicast',
  'http',
  'https',
  'filter_src',
]);

/** The path and query of an address without them. */
export function withoutOptions(path: string): string {
  const start = path.lastIndexOf('?');
  if (start < 0) return path;
  const all = path.slice(start + 1).split('&');
  const kept = all.filter((option) => !OPTIONS.has(option));
  if (kept.length === all.length) return path;
  // Without its end, what stands before it may be the end.
  return withoutOptions(
    kept.length === 0 ? path.slice(0, start) : `${path.slice(0, start)}?${kept.join('&')}`,
  );
}

function credentials({ username, password }: URL): string {
  if (username === '' && password === '') return '';
  return `${username}:${password}@`;
}

/** No name of a server where the host is an address: TLS has none for those. */
function name(host: string): string {
  const plain = host.replaceAll(/[[\]]/g, '');
  return isIPv6(plain) || /^[\d.]+$/.test(plain) ? '' : plain;
}

function endWith(one: Socket, other: Socket): void {
  one.on('end', () => other.end());
  one.on('close', () => other.destroy());
}
