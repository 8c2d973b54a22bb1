import type { Exchange, Reply } from '../../http/exchange.ts';
import { PlayheadError } from '@playhead/protocol';
import type { Bounds, Created, Durability, EventLog, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { mediaTypeOf } from '../../log/stream-settings.ts';
import { takenName } from '../gateway.ts';
import { contentKind } from './content-kind.ts';
import { bytesMessage, jsonMessages } from './messages-of.ts';
import type { Lifetime } from './request-headers.ts';
import { streamHeaders } from './stream-headers.ts';

/** How a stream is to be made. */
export interface Wish extends Lifetime {
  readonly key: StreamKey;
  readonly contentType: string | undefined;
  readonly closed: boolean;
  readonly body: Buffer;
  /** Undefined: it does not matter. */
  readonly durability?: Durability;
}

/** The events that a body becomes in a stream of that content type; none for an empty array, as for no body. */
export function firstMessages(body: Buffer, contentType: string): LogEvent[] {
  if (body.length === 0) return [];
  return contentKind(contentType) === 'json' ? jsonMessages(body) : bytesMessage(body);
}

export function hasType(bounds: Bounds, contentType: string): boolean {
  return mediaTypeOf(bounds.contentType) === mediaTypeOf(contentType);
}

/** What was made, or was there already as it would have been made. */
export type Made = Exclude<Created, { kind: 'gone' }>;

/** Throws `conflict` for a name that is taken. `asWished`: whether what is there is what would have been made. */
export function checkMade(made: Created, asWished: (there: Bounds) => boolean): Made {
  if (made.kind === 'gone') throw takenName();
  if (made.kind === 'created' || asWished(made.bounds)) return made;
  throw new PlayheadError('conflict', 'There is a stream of this name, made in another way.');
}

/** Makes a stream, or finds that it was made just so. */
export async function make(
  log: EventLog,
  { key, ttl, expiresAt, closed, body, durability, contentType }: Wish & { readonly contentType: string },
): Promise<Made> {
  const made = await log.create(key, {
    ...{ contentType, closed, events: firstMessages(body, contentType) },
    ...(ttl === undefined ? {} : { ttl }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(durability === undefined ? {} : { durability }),
  });
  return checkMade(made, (there) => {
    return (
      hasType(there, contentType) &&
      there.ttl === ttl &&
      there.expiresAt === expiresAt &&
      there.closed === closed &&
      (durability === undefined || there.durability === durability)
    );
  });
}

/** The answer to what was made, or was there. */
export function answerMade(exchange: Exchange, { kind, bounds }: Made): Reply {
  const created = kind === 'created';
  return {
    status: created ? 201 : 200,
    headers: {
      ...streamHeaders(bounds.contentType, bounds.latest),
      ...(bounds.closed ? { 'Stream-Closed': 'true' } : {}),
      ...(created ? { Location: urlOf(exchange) } : {}),
    },
  };
}

/** As the caller reached it: the Host header was checked (D-40). */
function urlOf({ request, secure }: Exchange): string {
  const target = request.url ?? '';
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return `${secure ? 'https' : 'http'}://${request.headers.host ?? ''}${path}`;
}
