import { hash } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { isTenant } from '../log/stream-key.ts';
import type { Clock } from '../runtime/clock.ts';
import { DEFAULT_TENANT } from './first-key.ts';
import type { KeySet } from './key-set.ts';
import { type Principal, SCOPES, type Scope } from './principal.ts';

export interface TokenParts {
  readonly clock: Clock;
  /** For HS256. Absent: such tokens do not count. */
  readonly secret?: string;
  /** For RS256 and ES256. Absent: such tokens do not count. */
  readonly keySet?: KeySet;
  /** What `iss` and `aud` must be; absent: anything. */
  readonly issuer?: string;
  readonly audience?: string;
  /** What a token may allow at most, and does if it names no scopes. */
  readonly scopes: readonly Scope[];
  /** Which claim names the tenant; a token without it is of the default tenant. */
  readonly tenantClaim: string;
  /** Which claim names the user; a token without it is nobody's in particular. */
  readonly userClaim: string;
}

/** A token in a header is never longer, and checking one costs by its length. */
const MAX_LENGTH = 8 * 1024;
/** How far the clocks of two machines may be apart where a token is not valid yet, seconds. It never lives longer. */
const SKEW_S = 5;

/** Whether a text has the form of a JWT: a head, claims and a signature. */
export function looksLikeToken(text: string): boolean {
  return text.length <= MAX_LENGTH && /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(text);
}

/**
 * Checks JWTs (D-15): who they name, and until when. Which key a token is checked with follows from the algorithm in
 * its head, and each algorithm has one kind of key: a public key is never taken for a secret, and `none` is no
 * algorithm. A token without `exp` is valid for ever and so never.
 *
 * Undefined for whatever is wrong with it; why is nobody's business who sends such tokens.
 */
export function createTokenCheck(parts: TokenParts): (text: string) => Promise<Principal | undefined> {
  const { clock, keySet } = parts;
  const secret = parts.secret === undefined ? undefined : new TextEncoder().encode(parts.secret);

  async function claimsOf(text: string): Promise<JWTPayload | undefined> {
    const { alg } = decodeProtectedHeader(text);
    const options = {
      algorithms: [String(alg)],
      currentDate: new Date(clock.now()),
      clockTolerance: SKEW_S,
      requiredClaims: ['exp'],
      ...(parts.issuer === undefined ? {} : { issuer: parts.issuer }),
      ...(parts.audience === undefined ? {} : { audience: parts.audience }),
    };
    if (alg === 'HS256' && secret !== undefined) return (await jwtVerify(text, secret, options)).payload;
    if ((alg === 'RS256' || alg === 'ES256') && keySet !== undefined) {
      const keyOf: JWTVerifyGetKey = (header, token) => keySet.keyOf(header, token);
      return (await jwtVerify(text, keyOf, options)).payload;
    }
    return undefined;
  }

  return async (text) => {
    try {
      const claims = await claimsOf(text);
      return claims === undefined ? undefined : principalOf(claims, parts);
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof SyntaxError)
        return undefined;
      throw error;
    }
  };
}

function principalOf(claims: JWTPayload, parts: TokenParts): Principal | undefined {
  const expiresAt = (claims.exp ?? 0) * 1000;
  if (expiresAt <= parts.clock.now()) return undefined;
  const tenant = claims[parts.tenantClaim] ?? DEFAULT_TENANT;
  const userId = claims[parts.userClaim] ?? null;
  if (typeof tenant !== 'string' || !isTenant(tenant)) return undefined;
  if (userId !== null && !isUser(userId)) return undefined;
  return {
    // Whoever reads logs learns that two tokens are of one user, not of which.
    keyId: `jwt_${hash('sha256', `${tenant}:${userId ?? ''}`, 'hex').slice(0, 16)}`,
    tenant,
    userId,
    scopes: new Set(scopesIn(claims, parts.scopes)),
    expiresAt,
  };
}

/** `scope`, words in one text (RFC 8693), or `scopes`, a list: of these, what the server lets a token allow. */
function scopesIn(claims: JWTPayload, most: readonly Scope[]): readonly Scope[] {
  const { scope, scopes } = claims;
  const named: readonly unknown[] | undefined =
    typeof scope === 'string' ? scope.split(' ') : Array.isArray(scopes) ? scopes : undefined;
  if (named === undefined) return scope === undefined && scopes === undefined ? most : [];
  return SCOPES.filter((each) => named.includes(each) && most.includes(each));
}

function isUser(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256 && value.isWellFormed();
}
