import { PlayheadError } from '@playhead/protocol';
import { isListed } from '../runtime/address.ts';
import type { Clock } from '../runtime/clock.ts';
import { isJson, isSameOrigin, isUnsafe } from './cookie-rules.ts';
import { type Credential, credentialOf, keyOf } from './credentials.ts';
import type { Failures } from './failures.ts';
import type { Caller, Gate, Standings } from './gate.ts';
import { looksLikeToken } from './jwt.ts';
import type { Keys } from './keys.ts';
import type { Principal } from './principal.ts';
import type { RateLimit } from './rate-limit.ts';

/** Looks up a credential that is no key; undefined if it stands for nobody, or no longer. */
export type Verify = (text: string, caller: Caller) => Principal | undefined | Promise<Principal | undefined>;

export interface AuthenticatorParts {
  readonly keys: Keys;
  readonly failures: Failures;
  readonly rateLimit: RateLimit;
  /** Sessions of the console, by their cookie. Without it no cookie counts. */
  readonly verifyCookie?: Verify;
  /** Tickets. Without it no ticket counts. */
  readonly verifyTicket?: Verify;
  /** JWTs: what is shown as a key and is none. Without it none counts. */
  readonly verifyToken?: (text: string) => Promise<Principal | undefined>;
  readonly clock: Clock;
}

/**
 * Tells who a request stands for. A wrong key, an expired one and one that never was are the same answer. A
 * cookie that does not count, or no longer stands for anybody, is no credential at all: browsers send it whatever
 * the page wants, and the page to sign in again must open.
 */
export function createAuthenticator(parts: AuthenticatorParts): Gate & Standings {
  const { keys, failures, rateLimit, clock } = parts;

  function byKey(text: string, caller: Caller): Principal | Promise<Principal> {
    const key = keys.find(text);
    if (key === undefined) {
      const { verifyToken } = parts;
      if (verifyToken === undefined || !looksLikeToken(text)) throw refusal(caller);
      return verifyToken(text).then((principal) => {
        if (principal === undefined) throw refusal(caller);
        return principal;
      });
    }
    if (key.addresses !== undefined && !isListed(key.addresses, caller.address)) {
      throw new PlayheadError('forbidden', 'The key is not valid from this address.');
    }
    key.used = true;
    return key.principal;
  }

  function refusal(caller: Caller): PlayheadError {
    return failures.fail(caller.address)
      ? new PlayheadError('too-many-failures', 'Too many wrong credentials came from this address. Wait.')
      : new PlayheadError('unauthenticated', 'The credential is wrong or has expired.');
  }

  function byOther(credential: Credential, caller: Caller): ReturnType<Verify> {
    if (credential.kind === 'cookie') {
      if (parts.verifyCookie === undefined || !isSameOrigin(caller)) return undefined;
      const principal = parts.verifyCookie(credential.text, caller);
      return principal instanceof Promise
        ? principal.then((found) => checkCookieUse(found, caller))
        : checkCookieUse(principal, caller);
    }
    const principal = parts.verifyTicket?.(credential.text, caller);
    if (principal instanceof Promise) {
      return principal.then((found) => {
        if (found === undefined) throw refusal(caller);
        return found;
      });
    }
    if (principal === undefined) throw refusal(caller);
    return principal;
  }

  return {
    identify(caller) {
      const key = keyOf(caller);
      if (key !== undefined) return byKey(key, caller);
      const credential = credentialOf(caller);
      return credential === undefined ? undefined : byOther(credential, caller);
    },
    spend: (principal) => rateLimit.spend(principal.keyId),
    standing({ keyId, expiresAt }) {
      if (expiresAt !== undefined)
        return expiresAt > clock.now() ? { kind: 'valid', until: expiresAt } : { kind: 'expired' };
      const live = keys.live(keyId);
      if (live !== undefined) return { kind: 'valid', until: live.expiresAt };
      return { kind: keys.get(keyId) === undefined ? 'revoked' : 'expired' };
    },
  };
}

function checkCookieUse(principal: Principal | undefined, caller: Caller): Principal | undefined {
  if (principal !== undefined && isUnsafe(caller.method) && !isJson(caller.headers['content-type'])) {
    throw new PlayheadError('unsupported-media-type', 'With a cookie, send Content-Type: application/json.');
  }
  return principal;
}
