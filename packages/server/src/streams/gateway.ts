import {
  formatPosition,
  isStreamName,
  kindOf,
  PlayheadError,
  type Position,
  parsePosition,
} from '@playhead/protocol';
import { allows, maySeeStream, type Principal, type Scope } from '../access/principal.ts';
import type { Hub } from '../hub/hub.ts';
import type { Appended, AppendOptions, EventLog } from '../log/event-log.ts';
import { knownKey, type StreamKey, streamKey } from '../log/stream-key.ts';
import type { AppendAnswer, EventsWanted, Gateway } from '../transports/gateway.ts';
import { eventsOf } from './event-input.ts';

export interface GatewayParts {
  readonly log: EventLog;
  readonly hub: Hub;
  /** First segments of names that belong to producers: only they make and write such streams. */
  readonly reserved: ReadonlySet<string>;
}

/** The streams as transports see them. */
export function createGateway({ log, hub, reserved }: GatewayParts): Gateway {
  const writable = (principal: Principal, stream: string): StreamKey =>
    writableKey(principal, stream, reserved);

  return {
    async subscribe(principal, { stream, after, delivery }, sink) {
      demand(principal, 'streams:read');
      const from = offsetOf(after) ?? beginningOf(stream);
      return hub.attach({ key: keyOf(principal, stream), from, delivery: delivery ?? 'every' }, sink);
    },
    async append(principal, wanted) {
      const { stream, events, writer, expected, close } = wanted;
      const key = writable(principal, stream);
      if (writer !== undefined && expected !== undefined) {
        throw new PlayheadError(
          'invalid-request',
          'An append has a writer or an expected position, not both.',
        );
      }
      const options: AppendOptions = {
        ...(writer === undefined ? {} : { guard: { kind: 'writer', ...writer } }),
        ...(expected === undefined ? {} : { guard: { kind: 'expected', latest: positionOf(expected) } }),
        ...(close === undefined ? {} : { close }),
        // In a stream of anything else nobody could read them as what they are.
        ...(events?.length === 0 ? {} : { mediaType: 'application/json' }),
      };
      return appendAnswer(await hub.append(key, eventsOf(events, close === true), options), wanted);
    },
    async create(principal, { stream, durability, ttl_seconds }) {
      const made = await log.create(writable(principal, stream), {
        ...(durability === undefined ? {} : { durability }),
        ...(ttl_seconds === undefined ? {} : { ttl: ttl_seconds * 1000 }),
      });
      if (made.kind === 'gone') throw takenName();
      const { latest, closed } = made.bounds;
      return { existed: made.kind === 'exists', position: formatPosition(latest), closed };
    },
    async delete(principal, stream) {
      if (!(await log.delete(writable(principal, stream)))) throw missingStream();
    },
    room: () => log.room(),
  };
}

/**
 * The stream that a caller names, always one of its own tenant. A text that cannot be a name names no stream. The
 * routes have looked at what a ticket is bound to; that it is looked at here again is the second lock.
 */
export function keyOf(principal: Principal, stream: string): StreamKey {
  if (knownKey(principal.tenant, stream) === undefined && !isStreamName(stream)) throw missingStream();
  if (principal.bound?.kind === 'stream' && principal.bound.stream !== stream) {
    throw new PlayheadError('forbidden', 'This ticket is for another stream.');
  }
  if (!maySeeStream(principal, stream)) throw missingStream();
  return streamKey(principal.tenant, stream);
}

export function missingStream(): PlayheadError {
  return new PlayheadError(
    'stream-not-found',
    'There is no such stream. GET /v1/streams lists those there are.',
  );
}

/** The stream to be written: the caller's own tenant's, and not a producer's. */
export function writableKey(principal: Principal, stream: string, reserved: ReadonlySet<string>): StreamKey {
  demand(principal, 'streams:write');
  const key = keyOf(principal, stream);
  const kind = kindOf(stream);
  if (!reserved.has(kind)) return key;
  throw new PlayheadError(
    'forbidden',
    `Streams under ${kind}/ are written by the server alone. Reading them works.`,
  );
}

/** What becomes of an attempt to make a stream anew while forks of the deleted one are left (L9). */
export function takenName(): PlayheadError {
  return new PlayheadError(
    'conflict',
    'A stream of this name was deleted and has forks: the name is free again once they are deleted, too.',
  );
}

/** Kinds whose streams tell one story, which only makes sense from its beginning (D-7). */
const TOLD_FROM_THE_START: ReadonlySet<string> = new Set(['commands', 'chats']);

/** Where a reader begins that names no position. */
export function beginningOf(stream: string): 'start' | 'live' {
  return TOLD_FROM_THE_START.has(kindOf(stream)) ? 'start' : 'live';
}

/** `start`, `live` or a position; undefined for nothing. Only what is malformed throws (D-7). */
export function cursorOf(token: string | null | undefined): Position | 'start' | 'live' | undefined {
  if (token === null || token === undefined || token === '') return undefined;
  return token === 'start' || token === 'live' ? token : positionOf(token);
}

/** The same where the words of Durable Streams count too: `-1` and `now`. */
export function offsetOf(token: string | undefined): Position | 'start' | 'live' | undefined {
  return token === '-1' ? 'start' : token === 'now' ? 'live' : cursorOf(token);
}

export function positionOf(token: string): Position {
  const position = parsePosition(token);
  if (position !== undefined) return position;
  throw new PlayheadError(
    'invalid-position',
    'A position is a token that this server gave, such as the id of an event; or `start`, or `live`.',
  );
}

export function demand(principal: Principal, scope: Scope): void {
  if (!allows(principal, scope)) throw new PlayheadError('forbidden', `This needs the scope ${scope}.`);
}

/** What is answered to an append that was so; throws for one that was refused. */
export function appendAnswer(
  appended: Appended,
  { writer, close }: Pick<EventsWanted, 'writer' | 'close'>,
): AppendAnswer {
  switch (appended.kind) {
    case 'appended':
      return {
        position: formatPosition(appended.position),
        repeated: false,
        closed: close === true,
        ...(writer === undefined ? {} : { sequence: writer.sequence }),
      };
    case 'repeated':
      return {
        position: formatPosition(appended.position),
        repeated: true,
        closed: appended.closed,
        sequence: appended.newest,
      };
    case 'missing':
      throw new PlayheadError('stream-not-found', 'There is no such stream: create it first.');
    case 'closed':
      throw new PlayheadError('stream-closed', 'The stream is closed: nothing can be appended.', {
        extensions: { latest: formatPosition(appended.latest) },
      });
    case 'fenced':
      throw new PlayheadError('fenced', 'A newer epoch of this writer exists.', {
        extensions: { epoch: appended.epoch },
      });
    case 'sequence-gap':
      throw new PlayheadError('conflict', 'The writer left out a sequence.', {
        extensions: { expected: appended.expected, received: appended.received },
      });
    case 'other-type':
      throw new PlayheadError('conflict', 'The stream has another content type.', {
        extensions: { content_type: appended.contentType },
      });
    case 'out-of-order':
      throw new PlayheadError('conflict', 'The stream has an append of the same ordinal, or a greater one.', {
        extensions: { newest: appended.newest },
      });
    case 'mismatch':
      throw new PlayheadError('precondition-failed', 'The stream has moved on.', {
        extensions: { latest: formatPosition(appended.latest) },
      });
  }
}
