import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from './principal.ts';

/**
 * What the HTTP app asks before it runs a handler. Everything answers synchronously for a key that was seen
 * before, so that an authenticated request costs microseconds; promises are for credentials that must be looked
 * up elsewhere.
 */
export interface Gate {
  /**
   * Who a request stands for, undefined if it carries no credential that counts. Throws or rejects with
   * `unauthenticated` for a credential that is wrong or expired, `too-many-failures` when that happened too often
   * from the address (D-24), and `forbidden` for a key that is not valid from the address.
   */
  identify(caller: Caller): Principal | undefined | Promise<Principal | undefined>;
  /** Counts one request against the principal's rate. Whatever it answers, the counters go into the response. */
  spend(principal: Principal): Allowance;
}

/**
 * What a connection asks that outlives the request which opened it: whether the credential behind a principal still
 * counts. Synchronous and cheap, so that thousands may ask every second.
 */
export interface Standings {
  standing(principal: Principal): Standing;
}

export type Standing =
  /** `until`: ms since 1970, or Infinity. */
  | { readonly kind: 'valid'; readonly until: number }
  /** Its time is over. */
  | { readonly kind: 'expired' }
  /** It was taken back before its time. */
  | { readonly kind: 'revoked' };

/** What of a request bears on who sent it. */
export interface Caller {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Where the request came from; a forwarded address only from a trusted proxy. */
  readonly address: string;
  /** True if the caller reached the server, or a trusted proxy before it, over TLS. */
  readonly secure: boolean;
  /** `?ticket=`. */
  readonly ticket: string | undefined;
  /** `?token=`, undefined except on the sockets that accept one (D-23). */
  readonly token: string | undefined;
}

/** What is left of a rate; the numbers of the `X-RateLimit-*` headers. */
export interface Allowance {
  /** False: answer 429. */
  readonly allowed: boolean;
  /** Requests in a full bucket; 0 if there is no limit, and then no headers either. */
  readonly limit: number;
  readonly remaining: number;
  /** When the bucket will be full again, seconds since 1970. */
  readonly reset: number;
  /** Seconds after which one more request passes, at least 1; meaningful if not allowed. */
  readonly retryAfter: number;
}
