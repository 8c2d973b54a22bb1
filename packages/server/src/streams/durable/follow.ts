import type { Exchange } from '../../http/exchange.ts';
import { contentKind } from './content-kind.ts';
import { cursorFloor } from './cursor.ts';
import type { DurableParts } from './durable-parts.ts';
import { eventFace } from './event-face.ts';
import { keepAlive } from './keep-alive.ts';
import type { Reading } from './reading.ts';

/** `live=sse`: everything behind a place, and what comes, until the stream ends or the response has lasted long enough. */
export async function follow(parts: DurableParts, exchange: Exchange, reading: Reading): Promise<void> {
  const { log, sse, clock, sseLifetimeMs } = parts;
  const { key, bounds, after } = reading;
  const kind = contentKind(bounds.contentType);
  const face = eventFace(kind, cursorFloor(exchange.query.get('cursor'), clock.now()), clock);
  const kept = keepAlive(log, clock, key, bounds);
  exchange.response.once('close', () => kept[Symbol.dispose]());
  await sse.respond(exchange, {
    ...{ key, from: after, delivery: 'every', face, gap: 'end', finished: 'epilogue' },
    lifetimeMs: sseLifetimeMs,
    headers: {
      // As the protocol's clients compare it.
      'content-type': 'text/event-stream',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      ...(kind === 'bytes' ? { 'Stream-SSE-Data-Encoding': 'base64' } : {}),
    },
  });
}
