import type { Clock } from '../runtime/clock.ts';
import type { Caller } from './gate.ts';
import { holderOf } from './holder.ts';
import type { Keys } from './keys.ts';
import { createPasses, type IssuedPass } from './passes.ts';
import type { Principal } from './principal.ts';

/** Who is signed in to the console, by the cookie of their browser. */
export interface ConsoleSessions {
  signIn(principal: Principal): IssuedPass;
  /** Ends a session; one that is not there is ended already. */
  signOut(text: string): void;
  /** Who a cookie stands for; undefined once it has expired, was signed out, or its key is no longer valid. */
  verify(text: string, caller: Caller): Principal | undefined;
}

export function createConsoleSessions(keys: Keys, clock: Clock, lifetimeMs: number): ConsoleSessions {
  const passes = createPasses<{ readonly keyId: string }>('', clock);
  return {
    signIn: ({ keyId, tenant }) => passes.issue(tenant, { keyId }, lifetimeMs),
    signOut: (text) => void passes.remove(text),
    verify(text, caller) {
      const session = passes.find(text);
      return session === undefined ? undefined : holderOf(keys, session.keyId, caller);
    },
  };
}
