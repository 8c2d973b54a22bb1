import { PlayheadError } from '@playhead/protocol';
import type { Gate } from '../../access/gate.ts';
import { allows, type Principal } from '../../access/principal.ts';
import { type ErrorAnswer, errorAnswer } from './answer.ts';
import type { Identity } from './connection-rules.ts';

export interface Claim {
  readonly token: string;
  /** Who the client says it is. */
  readonly userId: string;
  readonly address: string;
}

/** Finds out who a client is; an answer says why not. */
export type Identify = (claim: Claim) => Promise<Identity | ErrorAnswer>;

/**
 * Checks a token as a request's would be, failures counted by address (D-24), and that it may speak for the user
 * (D-15). Why a token does not count is not told: whoever tries tokens learns nothing from the answer.
 */
export function createIdentify(gate: Gate): Identify {
  return async ({ token, userId, address }) => {
    let principal: Principal | undefined;
    try {
      principal = await gate.identify({
        ...{ method: 'GET', address, secure: false, ticket: undefined, token: undefined },
        headers: { authorization: `Bearer ${token}` },
      });
    } catch (error) {
      if (!(error instanceof PlayheadError)) throw error;
      return error.code === 'too-many-failures'
        ? errorAnswer('rate_limited', 'Too many wrong credentials came from this address. Wait.', {
            retryAfter: 600,
          })
        : REFUSED;
    }
    if (principal === undefined || !maySpeakFor(principal, userId)) return REFUSED;
    if (!allows(principal, 'contexts:read') && !allows(principal, 'contexts:write')) return SCOPELESS;
    const allowance = gate.spend(principal);
    if (!allowance.allowed)
      return errorAnswer('rate_limited', 'The key has used up its rate. Slow down.', {
        retryAfter: allowance.retryAfter,
      });
    return { principal, tenant: principal.tenant, user: userId };
  };
}

const REFUSED = errorAnswer('unauthorized', 'The token is not valid for this user.');
const SCOPELESS = errorAnswer(
  'unauthorized',
  'The token has neither of the scopes contexts:read and contexts:write.',
);

/** Whether a credential may act for a user: its own, or any if it has the scope for that. */
export function maySpeakFor(principal: Principal, user: string): boolean {
  if (principal.bound !== undefined) return false;
  if (principal.userId === user || allows(principal, 'admin')) return true;
  return principal.userId === null && allows(principal, 'contexts:impersonate');
}
