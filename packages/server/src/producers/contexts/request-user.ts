import { PlayheadError } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import { callerOf } from '../caller.ts';
import type { Identity } from './connection-rules.ts';
import { maySpeakFor } from './identify.ts';
import { userId } from './sync-message.ts';

/**
 * Whose contexts a request is about: the key's own user, or the one that `?userId=` names where the key may act for
 * any (D-15, D-38). `named`: whom the body names, if it does.
 */
export function userOf(exchange: Exchange, named?: string): Identity {
  const principal = callerOf(exchange);
  const user = exchange.query.get('userId') ?? principal.userId ?? named;
  if (user === undefined || user === null) {
    throw new PlayheadError(
      'invalid-request',
      "The key is nobody's in particular: say whose with ?userId=.",
      {
        extensions: { field: 'userId' },
      },
    );
  }
  if (!userId.safeParse(user).success) {
    throw new PlayheadError('invalid-request', 'userId: must be 1 to 256 characters of text.', {
      extensions: { field: 'userId' },
    });
  }
  if (!maySpeakFor(principal, user))
    throw new PlayheadError('forbidden', 'The key is not valid for this user.');
  return { principal, tenant: principal.tenant, user };
}
