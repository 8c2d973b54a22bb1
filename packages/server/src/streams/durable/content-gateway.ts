import { type AppendMessage, formatPosition, PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { AppendGuard, EventLog } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import { mediaTypeOf } from '../../log/stream-settings.ts';
import type { ContentGateway, ContentState, ContentWanted } from '../../transports/gateway.ts';
import { appendAnswer, demand, keyOf, offsetOf, positionOf, writableKey } from '../gateway.ts';
import { appendBody } from './append-body.ts';
import { bodyEncoding } from './body-encoding.ts';
import { contentKind } from './content-kind.ts';
import { makeFork } from './fork.ts';
import { forkOf } from './fork-headers.ts';
import { keepAlive } from './keep-alive.ts';
import { make, type Made, type Wish } from './making.ts';
import { readingAt } from './reading.ts';
import { invalid, whyMissing } from './refusal.ts';
import { checkedContentType, lifetimeOf } from './request-headers.ts';

export interface ContentGatewayParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  /** First segments of names that belong to producers. */
  readonly reserved: ReadonlySet<string>;
}

const JSON_TYPE = 'application/json';

/** Durable Streams for transports: what the routes under `/v1/stream/` do for HTTP. */
export function createContentGateway({ log, hub, clock, reserved }: ContentGatewayParts): ContentGateway {
  return {
    async create(principal, wanted) {
      const key = writableKey(principal, wanted.stream, reserved);
      const { content_type: type, durability, closed = false } = wanted;
      const { forked_from: source, fork_offset: offset, fork_sub_offset: part } = wanted;
      const contentType = type === undefined ? undefined : checkedContentType(type);
      const wish: Wish = {
        ...{ key, contentType, closed, body: bodyOf(wanted, contentType ?? JSON_TYPE) ?? NOTHING },
        ...lifetimeOf(wanted.ttl_seconds, wanted.expires_at),
        ...(durability === undefined ? {} : { durability }),
      };
      if (source === undefined) {
        if (offset !== undefined || part !== undefined) throw invalid('A fork names what it is forked from.');
        return created(await make(log, { ...wish, contentType: contentType ?? JSON_TYPE }));
      }
      if (durability !== undefined) throw invalid('A fork is kept as its source is.');
      const from = keyOf(principal, source);
      return created(await makeFork(log, from, wish, forkOf(source, offset, part)));
    },
    async append(principal, wanted) {
      const key = writableKey(principal, wanted.stream, reserved);
      const { content_type: type = JSON_TYPE, writer, ordinal, close = false } = wanted;
      const body = bodyOf(wanted, type);
      const appended = await appendBody(hub, key, {
        ...{ body: body ?? NOTHING, close, ordinal, guard: guardOf(wanted) },
        mediaType: body === undefined ? undefined : mediaTypeOf(checkedContentType(type)),
      });
      if (appended.kind === 'missing') throw await whyMissing(log, key);
      return appendAnswer(appended, { ...(writer === undefined ? {} : { writer }), close });
    },
    async close(principal, { stream, writer }) {
      const key = writableKey(principal, stream, reserved);
      const guard = writer === undefined ? {} : { guard: { kind: 'writer', ...writer } as const };
      const appended = await hub.append(key, [], { close: true, ...guard });
      if (appended.kind === 'missing') throw await whyMissing(log, key);
      if (appended.kind === 'closed' && writer === undefined) return formatPosition(appended.latest);
      return appendAnswer(appended, { close: true }).position;
    },
    async head(principal, stream) {
      demand(principal, 'streams:read');
      const key = keyOf(principal, stream);
      const bounds = await log.bounds(key);
      if (bounds === undefined) throw await whyMissing(log, key);
      const { contentType, latest, closed, ttl, expiresAt } = bounds;
      const state: ContentState = { contentType, position: formatPosition(latest), closed };
      return {
        ...state,
        ...(ttl === undefined ? {} : { ttlSeconds: Math.floor(ttl / 1000) }),
        ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
      };
    },
    async read(principal, { stream, after, live = false }, open) {
      demand(principal, 'streams:read');
      const key = keyOf(principal, stream);
      const from = offsetOf(after) ?? 'start';
      const place = from === 'live' ? 'now' : from;
      const { bounds, after: position, slice } = await readingAt(log, key, place, { events: 1, bytes: 1 });
      const kind = contentKind(bounds.contentType);
      const upToDate = slice.batches.length === 0;
      const sink = open({
        ...{ contentType: bounds.contentType, position: formatPosition(position), upToDate },
        ...{ json: kind === 'json', content: bodyEncoding(kind) },
      });
      if (upToDate && slice.closed) return { kind: 'over', reason: 'finished' };
      if (upToDate && !live) return { kind: 'over', reason: 'caught-up' };
      const kept = keepAlive(log, clock, key, bounds);
      const attached = await hub.attach(
        { key, from: position, delivery: 'every' },
        {
          encoding: sink.encoding,
          receipt: (receipt) => sink.receipt(receipt),
          write: (chunk) => sink.write(chunk),
          end(reason) {
            kept[Symbol.dispose]();
            sink.end(reason);
          },
        },
      );
      if (attached.kind !== 'attached') kept[Symbol.dispose]();
      switch (attached.kind) {
        case 'finished':
          return { kind: 'over', reason: 'finished' };
        case 'missing':
          throw await whyMissing(log, key);
        case 'draining':
          return attached;
        case 'attached': {
          const { subscription } = attached;
          return {
            kind: 'attached',
            subscription: {
              get cursor() {
                return subscription.cursor;
              },
              get dropped() {
                return subscription.dropped;
              },
              resume: () => subscription.resume(),
              [Symbol.dispose]() {
                kept[Symbol.dispose]();
                subscription[Symbol.dispose]();
              },
            },
          };
        }
      }
    },
  };
}

const NOTHING = Buffer.alloc(0);

/**
 * The body that a message is or stands for; undefined for none. Values are an array of JSON, of which each element
 * becomes a message.
 */
function bodyOf({ messages, data, encoding, body }: ContentWanted, contentType: string): Buffer | undefined {
  const given = [messages, data, body].filter((each) => each !== undefined);
  if (given.length > 1) throw invalid('Content is messages, or data, or what follows the head: one of them.');
  if (body !== undefined) return body.length === 0 ? undefined : body;
  if (data !== undefined) return data === '' ? undefined : Buffer.from(data, encoding ?? 'utf8');
  if (messages === undefined) return undefined;
  if (mediaTypeOf(contentType) === JSON_TYPE) return Buffer.from(JSON.stringify(messages));
  throw invalid('messages go into a stream of application/json.');
}

function guardOf({ writer, expected }: Pick<AppendMessage, 'writer' | 'expected'>): AppendGuard | undefined {
  if (writer !== undefined && expected !== undefined) {
    throw new PlayheadError('invalid-request', 'An append has a writer or an expected position, not both.');
  }
  if (writer !== undefined) return { kind: 'writer', ...writer };
  return expected === undefined ? undefined : { kind: 'expected', latest: positionOf(expected) };
}

function created({ kind, bounds }: Made): Awaited<ReturnType<ContentGateway['create']>> {
  return {
    existed: kind === 'exists',
    position: formatPosition(bounds.latest),
    closed: bounds.closed,
    contentType: bounds.contentType,
  };
}
