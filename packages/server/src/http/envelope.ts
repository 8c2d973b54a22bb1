import type { Exchange, Reply } from './exchange.ts';

/**
 * A successful answer on the command face and on `/keys`: `{data, meta: {request_id, timestamp}}`. Errors get
 * theirs by path, see error-shape.ts.
 */
export function envelope(exchange: Exchange, data: unknown, status = 200): Reply {
  return { status, body: { data, meta: { request_id: exchange.id, timestamp: new Date().toISOString() } } };
}
