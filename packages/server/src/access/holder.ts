import { isListed } from '../runtime/address.ts';
import type { Caller } from './gate.ts';
import type { Keys } from './keys.ts';
import type { Principal } from './principal.ts';

/**
 * Who holds what was made with a key: the key's principal, for as long as the key itself is valid, and from the
 * addresses that it is valid from. So a ticket or a sign-in never outlives its key, nor travels further.
 */
export function holderOf(keys: Keys, keyId: string, caller: Caller): Principal | undefined {
  const key = keys.live(keyId);
  if (key === undefined) return undefined;
  if (key.addresses !== undefined && !isListed(key.addresses, caller.address)) return undefined;
  return key.principal;
}
