import { PlayheadError } from '@playhead/protocol';
import type { Principal } from '../access/principal.ts';
import type { Exchange } from '../http/exchange.ts';

/** Who calls a route that only keys may call. */
export function callerOf(exchange: Exchange): Principal {
  if (exchange.principal === undefined) throw new PlayheadError('unauthenticated', 'A key is needed.');
  return exchange.principal;
}

/** A path parameter that the route has. */
export function parameter(exchange: Exchange, name: string): string {
  return exchange.params[name] ?? '';
}
