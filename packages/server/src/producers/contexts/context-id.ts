import { PlayheadError } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import { parameter } from '../caller.ts';

/** Both name a context: what no segment of a path can hold, such as `a/b` or `history`, stands in the query. */
export const CONTEXT_PATHS = ['/api/v1/context/:id', '/api/v1/context'] as const;

/** Which context a request to one of these paths is about. */
export function contextId(exchange: Exchange, path: (typeof CONTEXT_PATHS)[number]): string {
  if (path === '/api/v1/context/:id') return parameter(exchange, 'id');
  const id = exchange.query.get('id');
  if (id !== null && id !== '') return id;
  throw new PlayheadError('invalid-request', 'id: must name a context.', { extensions: { field: 'id' } });
}
