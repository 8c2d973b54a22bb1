import type { Exchange, Reply } from '../../http/exchange.ts';
import { type DurableParts, writableKeyIn } from './durable-parts.ts';
import { fork } from './fork.ts';
import { forkIn } from './fork-headers.ts';
import { answerMade, firstMessages, hasType, type Wish } from './making.ts';
import { contentTypeIn, lifetimeIn, wantsClosed } from './request-headers.ts';

const DEFAULT_TYPE = 'application/octet-stream';

/** `PUT`: makes a stream or a fork, or finds that it was made just so. */
export async function create(parts: DurableParts, exchange: Exchange): Promise<Reply> {
  const { headers } = exchange.request;
  const key = writableKeyIn(exchange, parts);
  const wish: Wish = {
    key,
    ...lifetimeIn(headers),
    contentType: contentTypeIn(headers),
    closed: wantsClosed(headers),
    body: await exchange.body(),
  };
  const source = forkIn(headers);
  if (source !== undefined) return fork(parts, exchange, wish, source);
  const { ttl, expiresAt, closed, contentType = DEFAULT_TYPE } = wish;
  const made = await parts.log.create(key, {
    ...{ contentType, closed, events: firstMessages(wish.body, contentType) },
    ...(ttl === undefined ? {} : { ttl }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
  return answerMade(exchange, made, ({ bounds }) => {
    return (
      hasType(bounds, contentType) &&
      bounds.ttl === ttl &&
      bounds.expiresAt === expiresAt &&
      bounds.closed === closed
    );
  });
}
