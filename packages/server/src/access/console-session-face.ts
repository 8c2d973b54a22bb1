import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';
import type { ConsoleSessions } from './console-sessions.ts';
import { isJson, isSameOrigin } from './cookie-rules.ts';
import { cookieOf, SESSION_COOKIE } from './credentials.ts';
import type { Caller, Gate } from './gate.ts';
import type { Principal } from './principal.ts';

export interface ConsoleSessionParts {
  readonly gate: Gate;
  readonly sessions: ConsoleSessions;
}

const BODY = z.union([
  z.strictObject({ ticket: z.string().min(1).max(256) }),
  z.strictObject({ key: z.string().min(1).max(256) }),
  z.strictObject({}),
]);

const PATH = '/console/session';

/**
 * Signing in to the console: `POST /console/session` with `{ticket}`, `{key}`, or a key in a header, answers with a
 * cookie that no script can read and no other site can send. `GET` says who is signed in, `DELETE` signs out.
 */
export function mountConsoleSession(router: Router, parts: ConsoleSessionParts): void {
  router.add({
    method: 'POST',
    path: PATH,
    // What it is called with is looked at below: a cookie must not be able to prolong itself.
    access: 'public',
    bodyLimit: 4 * 1024,
    handle: (exchange) => signIn(exchange, parts),
  });
  router.add({
    method: 'GET',
    path: PATH,
    access: 'optional',
    handle: ({ principal }) => ({ body: principal === undefined ? { signed_in: false } : who(principal) }),
  });
  router.add({
    method: 'DELETE',
    path: PATH,
    access: 'optional',
    handle: (exchange) => signOut(exchange, parts),
  });
}

async function signIn(exchange: Exchange, { gate, sessions }: ConsoleSessionParts): Promise<Reply> {
  checkPage(exchange);
  const parsed = BODY.safeParse(await exchange.json());
  if (!parsed.success) throw new PlayheadError('invalid-request', 'The body is {"ticket": …} or {"key": …}.');
  const principal = await gate.identify(callerOf(exchange, parsed.data));
  if (principal === undefined) throw new PlayheadError('unauthenticated', 'Send a ticket, or a key.');
  if (principal.bound !== undefined && principal.bound.kind !== 'connection') {
    throw new PlayheadError('forbidden', 'This ticket is for something else.');
  }
  const { text, expiresAt } = sessions.signIn(principal);
  return {
    headers: { 'set-cookie': cookie(text, exchange.secure, new Date(expiresAt)) },
    body: { ...who(principal), expires_at: new Date(expiresAt).toISOString() },
  };
}

function signOut(exchange: Exchange, { sessions }: ConsoleSessionParts): Reply {
  checkPage(exchange);
  const text = cookieOf(exchange.request.headers.cookie);
  if (text !== undefined) sessions.signOut(text);
  return { status: 204, headers: { 'set-cookie': cookie('', exchange.secure, new Date(0)) } };
}

// A foreign page that signs a person in as somebody else would see what they then do; one that signs them out is
// a nuisance. Programs send no Origin.
function checkPage({ request: { headers }, secure }: Exchange): void {
  const fromPage = (headers.origin ?? headers['sec-fetch-site']) !== undefined;
  if (fromPage && !isSameOrigin({ headers, secure })) {
    throw new PlayheadError('forbidden', 'Only pages of this server sign in and out.');
  }
  if (!isJson(headers['content-type'])) {
    throw new PlayheadError('unsupported-media-type', 'Send Content-Type: application/json.');
  }
}

// The cookie is left out: a session that could sign itself in again would never end.
function callerOf({ request, address, secure }: Exchange, given: { ticket?: string; key?: string }): Caller {
  const { cookie: _cookie, ...headers } = request.headers;
  if (given.key !== undefined) headers['x-api-key'] = given.key;
  if (given.ticket !== undefined) {
    delete headers['x-api-key'];
    delete headers.authorization;
  }
  return { method: 'POST', headers, address, secure, ticket: given.ticket, token: undefined };
}

function who({ tenant, userId, scopes }: Principal): Readonly<Record<string, unknown>> {
  return { signed_in: true, tenant, user_id: userId, scopes: [...scopes] };
}

function cookie(value: string, secure: boolean, expires: Date): string {
  return `${SESSION_COOKIE}=${value}; Path=/; Expires=${expires.toUTCString()}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}
