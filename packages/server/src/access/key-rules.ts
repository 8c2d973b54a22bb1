import { PlayheadError } from '@playhead/protocol';
import { DEFAULT_TENANT } from './first-key.ts';
import type { KeyRecord } from './key-record.ts';
import { allows, type Principal, type Scope } from './principal.ts';

/** What is asked for in a new key, after its shape was checked. */
export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly tenant: string | undefined;
  readonly user_id: string | null | undefined;
  /** Seconds. */
  readonly expires_in: number | undefined;
  readonly allowed_ips: readonly string[] | undefined;
  readonly allowed_networks: readonly string[] | undefined;
}

export type GrantedKey = Pick<
  KeyRecord,
  'name' | 'scopes' | 'tenant' | 'user_id' | 'expires_at' | 'allowed_ips' | 'allowed_networks'
>;

export interface Granter {
  readonly principal: Principal;
  /** The key that asks; undefined if it is no key (a console session). */
  readonly key: KeyRecord | undefined;
  /** ms since 1970. */
  readonly now: number;
  /** Whether commands run outside any sandbox. */
  readonly directLauncher: boolean;
}

/** Scopes that give the rights of the server itself (D-19), or that of every tenant; without a sandbox, running commands too. */
const HOME_SCOPES: readonly Scope[] = ['computers:cdp', 'admin'];

/**
 * What a caller may put into a key: never more than it has itself. Its scopes, tenant, user, time and addresses
 * bound those of the key, or a key that is about to expire could live on in one that it made. Throws `forbidden`.
 */
export function grantKey(request: KeyRequest, { principal, key, now, directLauncher }: Granter): GrantedKey {
  const admin = principal.scopes.has('admin');
  const tenant = request.tenant ?? principal.tenant;
  if (tenant !== principal.tenant && !admin) throw forbidden('Only an admin makes keys for another tenant.');
  for (const scope of request.scopes) {
    if (!allows(principal, scope)) throw forbidden(`A key cannot grant the scope ${scope}, which it lacks.`);
    const home = HOME_SCOPES.includes(scope) || (directLauncher && scope === 'projects:execute');
    if (tenant !== DEFAULT_TENANT && home) {
      throw forbidden(`Only keys of the tenant ${DEFAULT_TENANT} may have the scope ${scope}.`);
    }
  }
  return {
    name: request.name,
    scopes: [...new Set(request.scopes)],
    tenant,
    user_id: grantUser(request, principal),
    expires_at: grantTime(request, admin ? null : (key?.expires_at ?? null), now),
    allowed_ips: grantAddresses(request, admin ? [] : (key?.allowed_ips ?? [])),
    ...grantNetworks(request, admin ? undefined : (principal.networks ?? [])),
  };
}

/** `own` is undefined for who may open anything. What is not asked for is not given. */
function grantNetworks(
  { allowed_networks: asked = [] }: KeyRequest,
  own: readonly string[] | undefined,
): Pick<KeyRecord, 'allowed_networks'> {
  if (asked.length === 0) return {};
  if (own !== undefined && !asked.every((network) => own.includes(network)))
    throw forbidden('Only an admin opens networks to a key; another passes on what it has.');
  return { allowed_networks: asked };
}

/** Scopes by which a key of a user reaches what that user looks at: contexts, their streams, and chats, which may quote them. */
const REACHES_USER = /^(?:contexts|streams|chats):/;

function grantUser({ user_id: asked, scopes }: KeyRequest, principal: Principal): string | null {
  const { userId: own } = principal;
  if (own === null && typeof asked === 'string' && !allows(principal, 'contexts:impersonate')) {
    // It acts for nobody by itself: nor by a key that it makes.
    const reaching = scopes.find((scope) => REACHES_USER.test(scope));
    if (reaching !== undefined)
      throw forbidden(
        `A key for a user with the scope ${reaching} is made by one with contexts:impersonate.`,
      );
  }
  if (own === null) return asked ?? null;
  if (asked !== undefined && asked !== own)
    throw forbidden('A key of one user makes keys for that user only.');
  return own;
}

function grantTime({ expires_in: seconds }: KeyRequest, own: string | null, now: number): string | null {
  const asked = seconds === undefined ? null : new Date(now + seconds * 1000).toISOString();
  if (own === null) return asked;
  if (asked === null) return own;
  if (asked > own) throw forbidden(`A key cannot make one that outlives it: it expires at ${own}.`);
  return asked;
}

function grantAddresses({ allowed_ips: asked }: KeyRequest, own: readonly string[]): readonly string[] {
  if (asked === undefined || asked.length === 0) return own;
  if (own.length > 0 && !asked.every((address) => own.includes(address))) {
    throw forbidden('A key that is bound to addresses makes keys for those addresses only.');
  }
  return asked;
}

/** Whether a caller may see a key: of its tenant and, if it is bound to a user, of that user. Admins see all. */
export function maySee(principal: Principal, key: KeyRecord): boolean {
  if (principal.scopes.has('admin')) return true;
  return key.tenant === principal.tenant && (principal.userId === null || key.user_id === principal.userId);
}

/** Throws `forbidden` if a caller may see a key but must not remove it: one that can do more than itself. */
export function checkRemoval(principal: Principal, key: KeyRecord): void {
  for (const scope of key.scopes) {
    if (!allows(principal, scope)) throw forbidden(`The key has the scope ${scope}, which yours lacks.`);
  }
}

/** What a caller should know about a key that it has just made. */
export function warningsOf(scopes: readonly Scope[], directLauncher: boolean): string[] {
  if (!directLauncher || !scopes.some((scope) => scope === 'projects:execute' || scope === 'admin'))
    return [];
  return [
    'This key runs commands with the rights of the server, outside any sandbox: it is as powerful as an admin ' +
      'key and as a login on the machine. Give it an expiry and allowed addresses, and keep it off shared disks.',
  ];
}

function forbidden(detail: string): PlayheadError {
  return new PlayheadError('forbidden', detail);
}
