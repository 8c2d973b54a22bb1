import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Standings } from '../access/gate.ts';
import type { Principal } from '../access/principal.ts';
import type { Clock } from '../runtime/clock.ts';

/** Who is at which connection: what a credential has under way ends within a second of the credential itself (P-92). */
export interface Callers extends Disposable {
  /** Somebody's request is being answered, or, without a response, the connection is theirs. */
  came(connection: Duplex, principal: Principal, response?: ServerResponse): void;
  /** A connection is closed. */
  left(connection: Duplex): void;
}

/** How often it is looked whether credentials still count, ms. */
const LOOK_MS = 1_000;

export function createCallers(standings: Standings, clock: Clock): Callers {
  const calls = new Map<Duplex, { readonly principal: Principal; readonly response?: ServerResponse }>();
  const looking = clock.every(LOOK_MS, () => {
    for (const [connection, { principal, response }] of calls) {
      // A connection at rest is nobody's: the next request says who sends it.
      if (response?.writableEnded === true) continue;
      if (standings.standing(principal).kind !== 'valid') connection.destroy();
    }
  });
  return {
    came(connection, principal, response) {
      calls.set(connection, response === undefined ? { principal } : { principal, response });
    },
    left: (connection) => void calls.delete(connection),
    [Symbol.dispose]: () => looking[Symbol.dispose](),
  };
}
