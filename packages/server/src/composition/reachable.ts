import type { GuardParts } from '../outgoing/create-guard.ts';
import { networkList } from '../runtime/network-list.ts';
import type { Settings } from '../runtime/settings.ts';

/** What requests that leave the server may reach beside public addresses (D-22). */
export function reachable({
  allowPrivateNetworks,
  allowedNetworks,
}: Settings): Pick<GuardParts, 'allowPrivate' | 'allowed'> {
  return { allowPrivate: allowPrivateNetworks, allowed: networkList(allowedNetworks) };
}
