import { PlayheadError, type Position, parsePosition } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { SseTransport } from '../../transports/transport.ts';
import { callerOf, parameter } from '../caller.ts';
import { addRoute } from './both-prefixes.ts';
import { computerStream } from './computer-store.ts';
import { computerFace } from './event-face.ts';
import { type FindParts, findComputer } from './find-computer.ts';

export interface EventRouteParts extends FindParts {
  readonly sse: SseTransport;
}

/** `GET …/events`: what happens in a computer, on Server-Sent Events. */
export function mountEvents(router: Router, parts: EventRouteParts): void {
  addRoute(router, {
    method: 'GET',
    path: '/:id/events',
    access: { scope: 'computers:read' },
    async handle(exchange) {
      const { tenant } = callerOf(exchange);
      const { record, computer } = await findComputer(parts, tenant, parameter(exchange, 'id'));
      const key = computerStream(tenant, record.id);
      const named = requested(exchange);
      const from = await cursorOf(named, key, parts.log);
      const viewer = computer?.viewers.add();
      exchange.response.once('close', () => viewer?.[Symbol.dispose]());
      await parts.sse.respond(exchange, {
        key,
        from,
        delivery: 'every',
        face: computerFace,
        preamble: (receipt, again) =>
          computerFace.preamble(again || named !== '' ? receipt : { ...receipt, requested: null }, again),
      });
      return undefined;
    },
  });
}

/** The position that a reader names: of a reconnection, else as it asks. */
function requested(exchange: Exchange): string {
  const header = exchange.request.headers['last-event-id'];
  const { query } = exchange;
  return (
    (typeof header === 'string' ? header : null) ?? query.get('last_event_id') ?? query.get('after') ?? ''
  );
}

/**
 * Where a reader begins. Without a position it is live; of a computer that is terminated it gets the last event, which
 * says how (D-12). A position that is of no use is told by the receipt (D-7), one that is none is `invalid-position`.
 */
export async function cursorOf(text: string, key: StreamKey, log: EventLog): Promise<Position | 'start'> {
  if (text === 'start') return 'start';
  if (text !== '' && text !== 'live') {
    const position = parsePosition(text);
    if (position !== undefined) return position;
    throw new PlayheadError('invalid-position', 'A position is the id of an event; or `start`, or `live`.');
  }
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw new PlayheadError('not-found', 'There is no such computer.');
  const { latest, closed } = bounds;
  // A position, not "live": should it end before the reader is there, the reader still hears of it.
  return closed && latest.offset > 0 ? { epoch: latest.epoch, offset: latest.offset - 1 } : latest;
}
