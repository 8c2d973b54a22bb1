import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Principal } from '../access/principal.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';
import type { EventsWanted, Gateway } from '../transports/gateway.ts';
import { appendExtras } from './append-extras.ts';
import { isRecord } from './event-input.ts';

const creation = z.strictObject({
  durability: z.enum(['durable', 'volatile']).optional(),
  ttl_seconds: z
    .int()
    .positive()
    .max(10 * 365 * 86_400)
    .optional(),
});

/** The writing half: `PUT` creates, `POST` appends, `DELETE` deletes. A producer's streams are not writable here. */
export function mountWriteFace(router: Router, gateway: Gateway): void {
  const access = { scope: 'streams:write' } as const;
  const path = '/v1/streams/*';
  router.add({ method: 'PUT', path, access, handle: (exchange) => create(gateway, exchange) });
  router.add({ method: 'POST', path, access, handle: (exchange) => append(gateway, exchange) });
  router.add({ method: 'DELETE', path, access, handle: (exchange) => remove(gateway, exchange) });
}

async function create(gateway: Gateway, exchange: Exchange): Promise<Reply> {
  const stream = nameIn(exchange);
  const { headers } = exchange.request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const parsed = creation.safeParse(hasBody ? await exchange.json() : {});
  if (!parsed.success) throw new PlayheadError('invalid-request', z.prettifyError(parsed.error));
  const { durability, ttl_seconds } = parsed.data;
  const { existed, position, closed } = await gateway.create(callerOf(exchange), {
    stream,
    ...(durability === undefined ? {} : { durability }),
    ...(ttl_seconds === undefined ? {} : { ttl_seconds }),
  });
  return { status: existed ? 200 : 201, body: { stream, position, closed } };
}

async function append(gateway: Gateway, exchange: Exchange): Promise<Reply> {
  // Not read while the log is behind: the socket pushes back instead of memory filling up (D-2).
  const room = gateway.room();
  if (room !== undefined) await room;
  const body = await exchange.json();
  if (!isRecord(body))
    throw new PlayheadError('invalid-request', 'The body is {type, data} or {events: [{type, data}, …]}.');
  const events = (body['events'] ?? [body]) as NonNullable<EventsWanted['events']>;
  const wanted = { stream: nameIn(exchange), events, ...appendExtras(body) };
  const { position, repeated } = await gateway.append(callerOf(exchange), wanted);
  return { body: repeated ? { position, repeated } : { position } };
}

async function remove(gateway: Gateway, exchange: Exchange): Promise<Reply> {
  await gateway.delete(callerOf(exchange), nameIn(exchange));
  return { status: 204 };
}

function nameIn(exchange: Exchange): string {
  return exchange.params['*'] ?? '';
}

/** Who calls, on a route that only known callers reach. */
export function callerOf(exchange: Exchange): Principal {
  if (exchange.principal === undefined) throw new PlayheadError('unauthenticated', 'Send a key.');
  return exchange.principal;
}
