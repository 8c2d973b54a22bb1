import { kindOf, type StreamName } from '@playhead/protocol';
import { nameSegment } from '../log/name-segment.ts';

/** Who calls: what a valid key, JWT, cookie or ticket stands for. */
export interface Principal {
  /** Which credential, for logs and rate limits: never the credential itself. */
  readonly keyId: string;
  readonly tenant: string;
  /** The user that the key is bound to; null acts for its tenant. */
  readonly userId: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Hosts and networks that what it starts may reach though they are not public (D-22). */
  readonly networks?: readonly string[];
  /** When a credential that is no key ends, ms since 1970. A key's end stands with the key. */
  readonly expiresAt?: number;
  /** What the credential was narrowed to: see Bound. Absent: all that the scopes allow. */
  readonly bound?: Bound;
}

/**
 * What a ticket is good for. A route says that it admits such a principal; every other one refuses it before its
 * handler runs (check-access.ts), so that a face that has never heard of tickets cannot be opened by one.
 */
export type Bound =
  /** To open one WebSocket, or to sign in to the console. */
  | { readonly kind: 'connection' }
  /** To read this stream of the principal's tenant. */
  | { readonly kind: 'stream'; readonly stream: string };

/** D-38. `admin` implies all; `projects:execute` implies `projects:read`, `…:write` implies `…:read`. */
export const SCOPES = [
  'projects:read',
  'projects:execute',
  'keys:read',
  'keys:write',
  'streams:read',
  'streams:write',
  'computers:read',
  'computers:control',
  'computers:cdp',
  'chats:read',
  'chats:write',
  'cameras:read',
  'cameras:write',
  'contexts:read',
  'contexts:write',
  'contexts:impersonate',
  'audit:read',
  'admin',
] as const;

export type Scope = (typeof SCOPES)[number];

const IMPLIED_BY: Partial<Record<Scope, Scope>> = {
  'projects:read': 'projects:execute',
  'keys:read': 'keys:write',
  'streams:read': 'streams:write',
  'computers:read': 'computers:control',
  'chats:read': 'chats:write',
  'cameras:read': 'cameras:write',
  'contexts:read': 'contexts:write',
};

/** Whether the principal may do what needs `scope`. */
export function allows(principal: Principal, scope: Scope): boolean {
  const { scopes } = principal;
  if (scopes.has('admin') || scopes.has(scope)) return true;
  const stronger = IMPLIED_BY[scope];
  return stronger !== undefined && scopes.has(stronger);
}

/**
 * Whether a caller may see a stream of its own tenant at all, whatever it wants to do with it. Streams under
 * `contexts/` belong to one user each, `contexts/{user}/…`, and nobody else of the tenant may learn of them: only that
 * user, whoever may act for any user, and a ticket for this very stream.
 */
export function maySeeStream(principal: Principal, stream: StreamName): boolean {
  if (kindOf(stream) !== 'contexts') return true;
  if (principal.bound?.kind === 'stream') return principal.bound.stream === stream;
  if (allows(principal, 'admin')) return true;
  const { userId } = principal;
  if (userId === null) return allows(principal, 'contexts:impersonate');
  return userId.isWellFormed() && stream.startsWith(`contexts/${nameSegment(userId)}/`);
}
