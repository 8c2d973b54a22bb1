import { PlayheadError } from '@playhead/protocol';
import { allows, type Bound, type Principal } from '../access/principal.ts';
import type { Access } from './router.ts';

/** Where a caller wants to go. */
export interface Destination {
  readonly access: Access;
  readonly params: Readonly<Record<string, string>>;
  /** Whether it asks for a WebSocket. */
  readonly upgrade: boolean;
}

/**
 * Throws unless the caller may use a route. What a ticket is bound to is looked at first, whatever the route's
 * access is: only a route that names itself as the ticket's destination is one.
 */
export function checkAccess(to: Destination, principal: Principal | undefined): void {
  const { access } = to;
  if (principal?.bound !== undefined && !isFor(principal.bound, to)) {
    throw new PlayheadError('forbidden', 'This ticket is for something else.');
  }
  if (access === 'public' || access === 'optional') return;
  if (principal === undefined) {
    throw new PlayheadError('unauthenticated', 'Send a key as Authorization: Bearer or as X-API-Key.');
  }
  if (access !== 'authenticated' && !allows(principal, access.scope)) {
    throw new PlayheadError('forbidden', `This needs the scope ${access.scope}.`);
  }
}

function isFor(bound: Bound, { access, params, upgrade }: Destination): boolean {
  switch (bound.kind) {
    case 'connection':
      return upgrade;
    case 'stream': {
      const parameter = typeof access === 'string' ? undefined : access.ticketFor;
      return !upgrade && parameter !== undefined && params[parameter] === bound.stream;
    }
  }
}
