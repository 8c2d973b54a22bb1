import { isStreamName, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';
import type { EventLog } from '../log/event-log.ts';
import { streamKey } from '../log/stream-key.ts';
import type { IssuedPass } from './passes.ts';
import { allows, maySeeStream, type Principal } from './principal.ts';
import type { Tickets } from './tickets.ts';

const BODY = z.strictObject({ stream: z.string().max(1000).optional() });

/** `POST /v1/tickets {stream?}` → `{ticket, expires_at}` (D-17, D-39). The ticket is told this once. */
export function mountTicketsFace(
  router: Router,
  { tickets, log }: { tickets: Tickets; log: EventLog },
): void {
  router.add({
    method: 'POST',
    path: '/v1/tickets',
    access: 'authenticated',
    bodyLimit: 4 * 1024,
    async handle(exchange) {
      if (exchange.principal === undefined) throw new PlayheadError('unauthenticated', 'Send a key.');
      const stream = await streamIn(exchange);
      if (stream === undefined) return reply(tickets.forConnection(exchange.principal));
      await checkReadable(exchange.principal, stream, log);
      return reply(tickets.forStream(exchange.principal, stream));
    },
  });
}

async function streamIn(exchange: Exchange): Promise<string | undefined> {
  const { headers } = exchange.request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const parsed = BODY.safeParse(hasBody ? await exchange.json() : {});
  if (parsed.success) return parsed.data.stream;
  throw new PlayheadError('invalid-request', 'The body is {"stream": name}, or {} for a ticket of one use.');
}

// Told when the ticket is asked for, not when a page that can show no errors tries it.
async function checkReadable(principal: Principal, stream: string, log: EventLog): Promise<void> {
  if (!allows(principal, 'streams:read')) {
    throw new PlayheadError('forbidden', 'This needs the scope streams:read.');
  }
  const found =
    isStreamName(stream) &&
    maySeeStream(principal, stream) &&
    (await log.bounds(streamKey(principal.tenant, stream))) !== undefined;
  if (!found) throw new PlayheadError('stream-not-found', 'There is no such stream: create it first.');
}

function reply({ text, expiresAt }: IssuedPass): Reply {
  return {
    status: 201,
    headers: { 'cache-control': 'no-store' },
    body: { ticket: text, expires_at: new Date(expiresAt).toISOString() },
  };
}
