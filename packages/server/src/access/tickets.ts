import type { Clock } from '../runtime/clock.ts';
import type { Caller } from './gate.ts';
import { holderOf } from './holder.ts';
import type { Keys } from './keys.ts';
import { createPasses, type IssuedPass } from './passes.ts';
import type { Principal } from './principal.ts';

/** Stand-ins for a key where a URL is all that a caller can send (D-17). */
export interface Tickets {
  /** For one WebSocket, or one sign-in to the console. */
  forConnection(principal: Principal): IssuedPass;
  /** For reading one stream, again and again, so that an EventSource can reconnect. */
  forStream(principal: Principal, stream: string): IssuedPass;
  /** Who shows a ticket, bound to what it is for; undefined if it is none. One that is for one use is then used up. */
  verify(text: string, caller: Caller): Principal | undefined;
}

export interface TicketTimes {
  /** How long a ticket of one use is valid, ms. */
  readonly connectionMs: number;
  /** How long a ticket for a stream is valid, ms. What was opened with it stays open. */
  readonly streamMs: number;
}

const READING = new Set(['streams:read'] as const);

export function createTickets(keys: Keys, clock: Clock, times: TicketTimes): Tickets {
  const connections = createPasses<{ readonly keyId: string }>('ticket_', clock);
  const streams = createPasses<{ readonly keyId: string; readonly stream: string }>('ticket_', clock);

  function connection(text: string, caller: Caller): Principal | undefined {
    const ticket = connections.find(text);
    // Used up whatever comes of it: a ticket that was shown in the wrong place has been seen there.
    if (ticket === undefined || !connections.remove(text)) return undefined;
    const holder = holderOf(keys, ticket.keyId, caller);
    return holder === undefined ? undefined : { ...holder, bound: { kind: 'connection' } };
  }

  function stream(text: string, caller: Caller): Principal | undefined {
    const ticket = streams.find(text);
    const holder = ticket === undefined ? undefined : holderOf(keys, ticket.keyId, caller);
    if (ticket === undefined || holder === undefined) return undefined;
    return { ...holder, scopes: READING, bound: { kind: 'stream', stream: ticket.stream } };
  }

  return {
    forConnection: ({ keyId, tenant }) => connections.issue(tenant, { keyId }, times.connectionMs),
    forStream: ({ keyId, tenant }, stream) => streams.issue(tenant, { keyId, stream }, times.streamMs),
    verify: (text, caller) => stream(text, caller) ?? connection(text, caller),
  };
}
