import { PlayheadError } from '@playhead/protocol';
import { PATTERNS } from '../../video/patterns.ts';
import type { VideoSourceSpec } from '../../video/video.ts';

/** Where a camera's pictures come from, as its URL says. */
export type CameraUrl =
  | { readonly kind: 'rtsp' | 'http'; readonly url: string; readonly host: string; readonly port: number }
  | { readonly kind: 'file'; readonly path: string }
  | Extract<VideoSourceSpec, { kind: 'device' | 'pattern' }>;

const PORTS: Readonly<Record<string, number>> = { 'rtsp:': 554, 'rtsps:': 322, 'http:': 80, 'https:': 443 };

/** Takes a camera's URL apart. Throws `invalid-request`; the message never holds the URL, which may hold a password. */
export function readCameraUrl(text: string): CameraUrl {
  const url = URL.parse(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (url === null || /[\u0000-\u0020\u007f]/.test(text)) throw wrong('is not a URL');
  switch (url.protocol) {
    case 'rtsp:':
    case 'rtsps:':
    case 'http:':
    case 'https:': {
      if (url.hostname === '') throw wrong('has no host');
      url.hash = '';
      const kind = url.protocol.startsWith('rtsp') ? 'rtsp' : 'http';
      const port = url.port === '' ? (PORTS[url.protocol] ?? 0) : Number(url.port);
      return { kind, url: url.href, host: url.hostname, port };
    }
    case 'file:':
      if (url.hostname !== '') throw wrong('names a file of another machine');
      return { kind: 'file', path: pathOf(url) };
    case 'v4l2:':
      if (!/^\/dev\/video\d{1,3}$/.test(url.pathname)) throw wrong('must be such as v4l2:/dev/video0');
      return { kind: 'device', path: url.pathname };
    case 'pattern:':
      return patternOf(url);
    default:
      throw wrong('must begin with rtsp:, rtsps:, http:, https:, file:, v4l2: or pattern:');
  }
}

/** A URL as it may be shown: no user, no password, and no value of its query, where cameras take passwords too. */
export function shownUrl(text: string): string {
  const url = new URL(text);
  if (url.protocol === 'pattern:') return url.href;
  url.username = '';
  url.password = '';
  url.hash = '';
  const names = [...url.searchParams.keys()];
  url.search = '';
  return names.length === 0
    ? url.href
    : `${url.href}?${names.map((name) => `${encodeURIComponent(name)}=…`).join('&')}`;
}

function pathOf(url: URL): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch (cause) {
    throw wrong('is not valid percent-encoding', cause);
  }
}

function patternOf(url: URL): CameraUrl {
  const name = url.pathname;
  if (!PATTERNS.includes(name)) throw wrong(`names no pattern: there are ${PATTERNS.join(', ')}`);
  const number = (key: string, otherwise: number, most: number): number => {
    const text = url.searchParams.get(key) ?? String(otherwise);
    const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most) throw wrong(`has a ${key} that is not 1 to ${most}`);
    return value;
  };
  return {
    kind: 'pattern',
    name,
    width: number('width', 640, 3840),
    height: number('height', 360, 2160),
    fps: number('fps', 15, 60),
  };
}

function wrong(what: string, cause?: unknown): PlayheadError {
  return new PlayheadError('invalid-request', `url: it ${what}`, {
    extensions: { field: 'url' },
    ...(cause === undefined ? {} : { cause }),
  });
}
