import { parsePosition, PlayheadError, type Position } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import { wholeBody } from './body-encoding.ts';
import { contentKind } from './content-kind.ts';
import { type DurableParts, keyIn } from './durable-parts.ts';
import { follow } from './follow.ts';
import { longPoll } from './long-poll.ts';
import { piece } from './piece.ts';
import { type Reading, readingAt } from './reading.ts';
import { invalid } from './refusal.ts';
import { CONTENT_HEADERS, streamHeaders } from './stream-headers.ts';

/** What one read gives at most. */
const LIMIT = { events: 100_000, bytes: 4 * 1024 * 1024 };

/** `GET`: catches up, or waits for what comes (`live=long-poll`), or follows it (`live=sse`). */
export async function read(parts: DurableParts, exchange: Exchange): Promise<Reply | undefined> {
  const { log } = parts;
  const key = keyIn(exchange);
  const mode = modeIn(exchange);
  const place = placeIn(exchange, mode);
  // One event is enough to know whether a place is retained, and where nothing has to be sent it is all that is needed.
  const reading = await readingAt(log, key, place, mode === 'sse' ? { events: 1, bytes: 1 } : LIMIT);
  switch (mode) {
    case 'catch-up':
      return place === 'now' ? tail(reading) : piece(parts, exchange, reading);
    case 'long-poll':
      return longPoll(parts, exchange, reading);
    case 'sse':
      await follow(parts, exchange, reading);
      return undefined;
  }
}

type Mode = 'catch-up' | 'long-poll' | 'sse';

function modeIn({ query }: Exchange): Mode {
  const live = query.get('live');
  if (live === null) return 'catch-up';
  if (live === 'long-poll' || live === 'sse') return live;
  throw invalid('live is long-poll or sse.');
}

/** Where to begin. A reconnecting EventSource says it in `Last-Event-ID`. */
function placeIn({ query, request }: Exchange, mode: Mode): Position | 'start' | 'now' {
  const offsets = query.getAll('offset');
  const [offset] = offsets;
  if (offsets.length > 1) throw invalid('offset is given once.');
  const last = request.headers['last-event-id'];
  if (mode === 'sse' && typeof last === 'string' && last !== '') return placeOf(last);
  if (offset !== undefined) return placeOf(offset);
  if (mode === 'catch-up') return 'start';
  throw invalid('A live read says its offset: -1, now, or one that this server gave.');
}

function placeOf(offset: string): Position | 'start' | 'now' {
  if (offset === '-1') return 'start';
  if (offset === 'now') return 'now';
  const position = parsePosition(offset);
  if (position !== undefined) return position;
  throw new PlayheadError('invalid-position', 'An offset is -1, now, or one that this server gave.');
}

/** The place where a stream ends, without anything of it. */
function tail({ bounds, slice }: Reading): Reply {
  const { contentType } = bounds;
  return {
    status: 200,
    headers: {
      ...streamHeaders(contentType, slice.next),
      'Stream-Up-To-Date': 'true',
      ...(slice.closed ? { 'Stream-Closed': 'true' } : {}),
      ...CONTENT_HEADERS,
      'Cache-Control': 'no-store',
    },
    body: wholeBody(contentKind(contentType), []),
  };
}
