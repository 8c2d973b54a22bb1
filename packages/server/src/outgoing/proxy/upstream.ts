/** Another proxy, as somebody named it by a URL. */
export interface Upstream {
  readonly scheme: 'http' | 'https' | 'socks5';
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

const DEFAULT_PORTS = { http: 80, https: 443, socks5: 1080 } as const;

/** A user name or password is at most so many bytes: SOCKS has one byte for its length (RFC 1929). */
const LONGEST = 255;

/**
 * Reads `http://…`, `https://…`, `socks5://…` or `socks5h://…`; undefined for anything else, and for a URL that has more
 * than user name, password, host and port. The two kinds of SOCKS are one: names are always resolved over there.
 */
export function readUpstream(text: string): Upstream | undefined {
  if (text.length > 2048) return undefined;
  const url = URL.parse(text.trim());
  if (url === null || (url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '')
    return undefined;
  const scheme = schemeOf(url.protocol);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (scheme === undefined || host === '') return undefined;
  const port = url.port === '' ? DEFAULT_PORTS[scheme] : Number(url.port);
  if (url.username === '' && url.password === '') return { scheme, host, port, credentials: undefined };
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined || (scheme !== 'socks5' && username.includes(':')))
    return undefined;
  return { scheme, host, port, credentials: { username, password } };
}

function schemeOf(protocol: string): Upstream['scheme'] | undefined {
  switch (protocol) {
    case 'http:':
      return 'http';
    case 'https:':
      return 'https';
    case 'socks5:':
    case 'socks5h:':
      return 'socks5';
    default:
      return undefined;
  }
}

function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text);
    return Buffer.byteLength(plain) <= LONGEST ? plain : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
