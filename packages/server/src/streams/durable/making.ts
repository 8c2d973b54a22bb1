import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Bounds, Created, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { mediaTypeOf } from '../../log/stream-settings.ts';
import { takenName } from '../gateway.ts';
import { contentKind } from './content-kind.ts';
import { bytesMessage, jsonMessages } from './messages-of.ts';
import { refuse } from './refusal.ts';
import type { Lifetime } from './request-headers.ts';
import { streamHeaders } from './stream-headers.ts';

/** How a stream is to be made. */
export interface Wish extends Lifetime {
  readonly key: StreamKey;
  readonly contentType: string | undefined;
  readonly closed: boolean;
  readonly body: Buffer;
}

/** The events that a body becomes in a stream of that content type; none for an empty array, as for no body. */
export function firstMessages(body: Buffer, contentType: string): LogEvent[] {
  if (body.length === 0) return [];
  return contentKind(contentType) === 'json' ? jsonMessages(body) : bytesMessage(body);
}

export function hasType(bounds: Bounds, contentType: string): boolean {
  return mediaTypeOf(bounds.contentType) === mediaTypeOf(contentType);
}

/** The answer to what was made, or was there. `asWished`: whether what was there is what would have been made. */
export function answerMade(
  exchange: Exchange,
  made: Created,
  asWished: (there: Extract<Created, { kind: 'exists' }>) => boolean,
): Reply {
  if (made.kind === 'gone') throw takenName();
  const { bounds } = made;
  if (made.kind === 'exists' && !asWished(made)) {
    return refuse(exchange, {
      code: 'conflict',
      detail: 'There is a stream of this name, made in another way.',
    });
  }
  const created = made.kind === 'created';
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
