import type { Router } from '../../http/router.ts';
import { append } from './append.ts';
import { create } from './create.ts';
import type { DurableParts } from './durable-parts.ts';
import { head } from './head.ts';
import { read } from './read.ts';
import { remove } from './remove.ts';

/**
 * The Durable Streams protocol under `/v1/stream/`: every stream can be read with it, and those that are the caller's own
 * be made, written, forked and deleted. Offsets are positions, here as everywhere.
 */
export function mountDurableFace(router: Router, parts: DurableParts): void {
  const path = '/v1/stream/*';
  const reading = { scope: 'streams:read', ticketFor: '*' } as const;
  const writing = { scope: 'streams:write' } as const;
  router.add({ method: 'GET', path, access: reading, handle: (exchange) => read(parts, exchange) });
  router.add({ method: 'HEAD', path, access: reading, handle: (exchange) => head(parts, exchange) });
  router.add({ method: 'PUT', path, access: writing, handle: (exchange) => create(parts, exchange) });
  router.add({
    method: 'POST',
    path,
    access: writing,
    allowance: 'silent',
    handle: (exchange) => append(parts, exchange),
  });
  router.add({ method: 'DELETE', path, access: writing, handle: (exchange) => remove(parts, exchange) });
}
