import type { Caller } from './gate.ts';

/** What a request shows to say who it is. */
export interface Credential {
  readonly kind: 'key' | 'ticket' | 'cookie';
  readonly text: string;
}

/** The cookie that signing in to the console sets. */
export const SESSION_COOKIE = 'playhead_session';

const BEARER = 'bearer ';

/**
 * The credential of a request that counts, undefined if there is none. One at most: `X-API-Key` first, because
 * clients of protocols that use Bearer for tokens of their own send the key so (D-40); then Bearer, a socket's
 * `?token=`, a ticket, and last the cookie, which a browser sends without being asked.
 */
export function credentialOf(caller: Caller): Credential | undefined {
  const key = keyOf(caller);
  if (key !== undefined) return { kind: 'key', text: key };
  if (caller.ticket !== undefined) return { kind: 'ticket', text: caller.ticket };
  const cookie = cookieOf(caller.headers.cookie);
  return cookie === undefined ? undefined : { kind: 'cookie', text: cookie };
}

/** The key of a request, apart from the rest because it is on the path of every append. */
export function keyOf(caller: Caller): string | undefined {
  const header = caller.headers['x-api-key'];
  if (typeof header === 'string') return header;
  const authorization = caller.headers.authorization;
  if (authorization !== undefined && isBearer(authorization))
    return authorization.slice(BEARER.length).trim();
  return caller.token;
}

// Other schemes are none of ours: a proxy in front may use them.
function isBearer(authorization: string): boolean {
  return (
    authorization.startsWith('Bearer ') || authorization.slice(0, BEARER.length).toLowerCase() === BEARER
  );
}

/** The console's cookie, if a request has one. */
export function cookieOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === SESSION_COOKIE)
      return pair.slice(equals + 1).trim();
  }
  return undefined;
}
