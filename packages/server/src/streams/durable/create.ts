import type { Exchange, Reply } from '../../http/exchange.ts';
import { keyOf } from '../gateway.ts';
import { callerOf } from '../write-face.ts';
import { type DurableParts, writableKeyIn } from './durable-parts.ts';
import { makeFork } from './fork.ts';
import { forkIn } from './fork-headers.ts';
import { answerMade, make, type Wish } from './making.ts';
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
  const from = forkIn(headers);
  if (from === undefined) {
    return answerMade(
      exchange,
      await make(parts.log, { ...wish, contentType: wish.contentType ?? DEFAULT_TYPE }),
    );
  }
  const source = keyOf(callerOf(exchange), from.source);
  return answerMade(exchange, await makeFork(parts.log, source, wish, from));
}
