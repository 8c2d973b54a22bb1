import type { GuardParts } from '../outgoing/create-guard.ts';
import { NO_NETWORKS, networkList } from '../runtime/network-list.ts';
import type { Settings } from '../runtime/settings.ts';

/** What requests that leave the server may reach beside public addresses (D-22). */
export function reachable({
  allowPrivateNetworks,
  allowedNetworks,
}: Settings): Pick<GuardParts, 'allowPrivate' | 'allowed'> {
  return { allowPrivate: allowPrivateNetworks, allowed: networkList(allowedNetworks) };
}

/** For who may reach public addresses and nothing else, whatever the settings open. */
export const PUBLIC_ONLY: Pick<GuardParts, 'allowPrivate' | 'allowed'> = {
  allowPrivate: false,
  allowed: NO_NETWORKS,
};
