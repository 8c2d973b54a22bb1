import { formatPosition, kindOf, PlayheadError, type Position, type StreamSummary } from '@playhead/protocol';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';
import type { Bounds, EventLog, Listed, Slice } from '../log/event-log.ts';
import { nameOf, type StreamKey } from '../log/stream-key.ts';
import type { SseTransport } from '../transports/transport.ts';
import { eventJson } from './event-json.ts';
import { beginningOf, keyOf, missingStream } from './gateway.ts';
import { positionSince } from './position-since.ts';
import { listVisible } from './list-visible.ts';
import { provenEvents } from './proven-page.ts';
import { queryNumber, requestedCursor, requestedSince } from './stream-cursor.ts';
import { envelopeFace, mappedFace } from './stream-face.ts';
import { callerOf } from './write-face.ts';

export interface ReadFaceParts {
  readonly log: EventLog;
  readonly sse: SseTransport;
}

const PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_EVENTS = 10_000;

/**
 * The reading half of the face that every stream has, whatever its source: `GET /v1/streams` lists,
 * `GET /v1/streams/{name}` is a page of history, or with `Accept: text/event-stream` the live tail.
 */
export function mountReadFace(router: Router, parts: ReadFaceParts): void {
  const listing = { scope: 'streams:read' } as const;
  const access = { scope: 'streams:read', ticketFor: '*' } as const;
  router.add({
    method: 'GET',
    path: '/v1/streams',
    access: listing,
    handle: (exchange) => list(parts, exchange),
  });
  router.add({ method: 'GET', path: '/v1/streams/*', access, handle: (exchange) => read(parts, exchange) });
  router.add({ method: 'HEAD', path: '/v1/streams/*', access, handle: (exchange) => read(parts, exchange) });
}

async function list({ log }: ReadFaceParts, exchange: Exchange): Promise<Reply> {
  const limit = queryNumber(exchange, 'limit', 100, 1000);
  const principal = callerOf(exchange);
  const after = exchange.query.get('after') ?? undefined;
  const prefix = exchange.query.get('prefix') ?? undefined;
  const listed = await listVisible(log, principal, {
    tenant: principal.tenant,
    limit: limit + 1,
    ...(after === undefined ? {} : { after }),
    ...(prefix === undefined ? {} : { prefix }),
  });
  const streams = listed.slice(0, limit).map(summary);
  const next = listed.length > limit ? streams.at(-1)?.name : undefined;
  return { body: next === undefined ? { streams } : { streams, next } };
}

function summary({ key, bounds }: Listed): StreamSummary {
  const name = nameOf(key);
  return {
    name,
    kind: kindOf(name),
    earliest: formatPosition(bounds.earliest),
    latest: formatPosition(bounds.latest),
    closed: bounds.closed,
    content_type: bounds.contentType,
    durability: bounds.durability,
    bytes: bounds.bytes,
    created_at: new Date(bounds.createdAt).toISOString(),
  };
}

async function read(parts: ReadFaceParts, exchange: Exchange): Promise<Reply | undefined> {
  const key = keyOf(callerOf(exchange), exchange.params['*'] ?? '');
  const since = requestedSince(exchange);
  const cursor = since === undefined ? requestedCursor(exchange) : await behind(parts.log, key, since);
  if (wantsEvents(exchange)) {
    const delivery = exchange.query.get('delivery') ?? 'every';
    if (delivery !== 'every' && delivery !== 'latest') {
      throw new PlayheadError('invalid-request', 'delivery is `every` or `latest`.');
    }
    const face = exchange.query.get('envelope') === 'true' ? envelopeFace : mappedFace;
    await parts.sse.respond(exchange, { key, from: cursor ?? beginningOf(nameOf(key)), delivery, face });
    return undefined;
  }
  return page(parts, exchange, key, cursor);
}

async function behind(log: EventLog, key: StreamKey, since: number): Promise<Position> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw missingStream();
  return positionSince(log, key, bounds, since);
}

function wantsEvents(exchange: Exchange): boolean {
  return exchange.request.headers.accept?.includes('text/event-stream') ?? false;
}

async function page(
  { log }: ReadFaceParts,
  exchange: Exchange,
  key: StreamKey,
  cursor: Position | 'start' | 'live' | undefined,
): Promise<Reply> {
  const limit = queryNumber(exchange, 'limit', 1000, PAGE_EVENTS);
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw missingStream();
  const after =
    cursor === undefined || cursor === 'start' ? bounds.start : cursor === 'live' ? bounds.latest : cursor;
  const proof = wantsProof(exchange);
  const slice = await log.read(key, after, { events: limit, bytes: PAGE_BYTES, proof });
  switch (slice.kind) {
    case 'missing':
      throw missingStream();
    case 'lost':
      throw new PlayheadError(
        'position-lost',
        'Events behind this position are no longer retained. Read on from `resume`.',
        {
          extensions: {
            requested: formatPosition(after),
            earliest: formatPosition(bounds.earliest),
            resume: formatPosition(slice.resume),
            missed: slice.missed,
          },
        },
      );
    case 'events': {
      if (proof) return provenReply(key, bounds, slice);
      const events: string[] = [];
      for (const batch of slice.batches)
        for (let i = 0; i < batch.events.length; i++) events.push(eventJson(batch, i));
      return pageReply(key, bounds, slice, events);
    }
  }
}

/** `?proof=1`: see PROTOCOL.md, chapter 12. */
function wantsProof(exchange: Exchange): boolean {
  const text = exchange.query.get('proof');
  if (text === null || text === '0' || text === 'false') return false;
  if (text === '1' || text === 'true') return true;
  throw new PlayheadError('invalid-request', 'proof is 1 or 0.', { extensions: { parameter: 'proof' } });
}

function provenReply(key: StreamKey, bounds: Bounds, slice: Extract<Slice, { kind: 'events' }>): Reply {
  const { batches, events, chain } = provenEvents(slice.batches);
  const last = batches.at(-1);
  const cut = batches.length < slice.batches.length;
  const next =
    last === undefined || !cut
      ? slice.next
      : { epoch: last.epoch, offset: last.first + last.events.length - 1 };
  return pageReply(key, bounds, { ...slice, next, closed: slice.closed && !cut }, events, { chain });
}

// Not JSON.stringify: the events are JSON text already.
function pageReply(
  key: StreamKey,
  bounds: Bounds,
  slice: { readonly next: Position; readonly latest: Position; readonly closed: boolean },
  events: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Reply {
  const head = JSON.stringify({
    stream: nameOf(key),
    epoch: slice.latest.epoch,
    earliest: formatPosition(bounds.earliest),
    latest: formatPosition(slice.latest),
    next: formatPosition(slice.next),
    closed: slice.closed,
    ...more,
  });
  return {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${head.slice(0, -1)},"events":[${events.join(',')}]}`,
  };
}
