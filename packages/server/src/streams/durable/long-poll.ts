import { PlayheadError, type Position } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { ChunkEnd, EndReason, Sink, Subscription } from '../../hub/hub.ts';
import { bodyEncoding } from './body-encoding.ts';
import { cacheControl, etagOf, varyOf } from './caching.ts';
import { contentKind } from './content-kind.ts';
import { cursorFloor, cursorText } from './cursor.ts';
import type { DurableParts } from './durable-parts.ts';
import { keepAlive } from './keep-alive.ts';
import { piece } from './piece.ts';
import type { Reading } from './reading.ts';
import { whyMissing } from './refusal.ts';
import { CONTENT_HEADERS, streamHeaders } from './stream-headers.ts';

/**
 * `live=long-poll`: what follows at once, else the first that comes, else `204` after a while. Who waits is a
 * subscription like any other, for one chunk: those who wait at the same place get the same bytes.
 */
export async function longPoll(parts: DurableParts, exchange: Exchange, reading: Reading): Promise<Reply> {
  const { log, clock } = parts;
  const { key, bounds, slice } = reading;
  const cursor = {
    'Stream-Cursor': cursorText(cursorFloor(exchange.query.get('cursor'), clock.now()), clock.now()),
  };
  if (slice.batches.length > 0) return piece(parts, exchange, reading, cursor);
  if (slice.closed) return nothing(reading, slice.next, { 'Stream-Closed': 'true' });
  const came = await firstChunk(parts, exchange, reading);
  switch (came) {
    case 'finished':
      return nothing(reading, slice.next, { 'Stream-Closed': 'true' });
    case 'deleted':
      throw await whyMissing(log, key);
    case 'lost':
      throw new PlayheadError('position-lost', 'What followed this offset was trimmed.');
    case 'draining':
    case 'failed':
    case 'timeout':
      return nothing(reading, slice.next, cursor);
    default:
  }
  const { next, live, closed } = came.end;
  const got = { from: slice.next, next, closed };
  return {
    status: 200,
    headers: {
      ...streamHeaders(bounds.contentType, next),
      ...(live ? { 'Stream-Up-To-Date': 'true' } : {}),
      ...(closed ? { 'Stream-Closed': 'true' } : {}),
      ETag: etagOf(got),
      'Cache-Control': cacheControl(got, bounds.ttl, parts.cache),
      ...varyOf(parts.cache),
      ...CONTENT_HEADERS,
      ...cursor,
    },
    body: came.body,
  };
}

function nothing(reading: Reading, next: Position, more: Readonly<Record<string, string>>): Reply {
  return {
    status: 204,
    headers: {
      ...streamHeaders(reading.bounds.contentType, next),
      'Stream-Up-To-Date': 'true',
      'Cache-Control': 'no-store',
      ...CONTENT_HEADERS,
      ...more,
    },
  };
}

interface Chunk {
  readonly body: Uint8Array;
  readonly end: ChunkEnd;
}

/** The first chunk behind the end of what was read, or why there is none. */
async function firstChunk(
  { hub, log, clock, longPollMs }: DurableParts,
  { response }: Exchange,
  { key, bounds, slice }: Reading,
): Promise<Chunk | EndReason | 'lost' | 'timeout'> {
  const { promise, resolve } = Promise.withResolvers<Chunk | EndReason | 'lost' | 'timeout'>();
  const encoding = bodyEncoding(contentKind(bounds.contentType));
  let begun = false;
  let subscription: Subscription | undefined;
  const sink: Sink = {
    encoding,
    receipt() {
      if (begun) resolve('lost');
      begun = true;
    },
    write(body) {
      const end = encoding.endOf(body);
      if (end !== undefined) resolve({ body, end });
      // One chunk is all: what follows is the next request's.
      return false;
    },
    end: resolve,
  };
  const attached = await hub.attach({ key, from: slice.next, delivery: 'every' }, sink);
  switch (attached.kind) {
    case 'finished':
      return 'finished';
    case 'missing':
      return 'deleted';
    case 'draining':
      return 'draining';
    case 'attached':
      subscription = attached.subscription;
  }
  using stack = new DisposableStack();
  stack.use(subscription);
  stack.use(clock.after(longPollMs, () => resolve('timeout')));
  stack.use(keepAlive(log, clock, key, bounds));
  const gone = (): void => resolve('timeout');
  response.once('close', gone);
  stack.defer(() => response.off('close', gone));
  return await promise;
}
