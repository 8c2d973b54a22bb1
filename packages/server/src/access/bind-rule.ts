import { isIP } from 'node:net';
import { addressList, isListed, plainAddress } from '../runtime/address.ts';

const LOOPBACK = addressList(['127.0.0.0/8', '::1']);

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const address = plainAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return isIP(address) !== 0 && isListed(LOOPBACK, address);
}

export interface BindRule {
  readonly host: string;
  /** `PLAYHEAD_ALLOW_EXEC`. */
  readonly allowExec: boolean;
  /** Whether commands run with the server's own rights: the direct launcher. */
  readonly directLauncher: boolean;
}

/**
 * Why the server must not listen there, undefined if it may (D-19). With the direct launcher a key that may
 * execute owns the machine's account, so offering that to a network takes an explicit yes.
 */
export function bindProblem(rule: BindRule): string | undefined {
  if (!rule.directLauncher || rule.allowExec || isLoopback(rule.host)) return undefined;
  return (
    `Listening on ${rule.host} would let anyone on the network who has a key with projects:execute run commands ` +
    'with the rights of this server. Set PLAYHEAD_ALLOW_EXEC=1 if that is what you want, or listen on 127.0.0.1.'
  );
}
