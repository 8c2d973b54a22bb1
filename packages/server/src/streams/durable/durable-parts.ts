import { kindOf, PlayheadError, type StreamName } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { knownKey, type StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseTransport } from '../../transports/transport.ts';
import { keyOf, missingStream } from '../gateway.ts';
import { callerOf } from '../write-face.ts';
import { streamAt } from '../stream-path.ts';

/** What the Durable Streams face is made of. */
export interface DurableParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly sse: SseTransport;
  readonly clock: Clock;
  /** First segments of names that belong to producers: such streams can only be read here. */
  readonly reserved: ReadonlySet<string>;
  /** How long a long-poll waits, ms. */
  readonly longPollMs: number;
  /** About how long a response of Server-Sent Events lasts, ms. */
  readonly sseLifetimeMs: number;
  /** Whether caches that several readers share may keep what was read. */
  readonly cache: 'private' | 'public';
}

/** The first segment under which the protocol's own services live, and no stream. */
const CONTROL_SEGMENT = '__ds';

/** The stream that a request is about. Throws `stream-not-found` for a path that names none. */
export function keyIn(exchange: Exchange): StreamKey {
  const name = nameIn(exchange);
  if (name === undefined || kindOf(name) === CONTROL_SEGMENT) throw missingStream();
  return keyOf(callerOf(exchange), name);
}

/** The same for a request that writes. Throws `method-not-allowed` for a producer's stream. */
export function writableKeyIn(exchange: Exchange, { reserved }: DurableParts): StreamKey {
  const name = nameIn(exchange);
  if (name === undefined) {
    throw new PlayheadError('invalid-request', 'This path cannot name a stream: it is too long.');
  }
  const kind = kindOf(name);
  if (kind === CONTROL_SEGMENT) throw missingStream();
  if (reserved.has(kind)) {
    throw new PlayheadError(
      'method-not-allowed',
      `Streams under ${kind}/ are written by the server alone. Reading them works.`,
      { extensions: { allow: ['GET', 'HEAD', 'OPTIONS'] } },
    );
  }
  return keyOf(callerOf(exchange), name);
}

function nameIn(exchange: Exchange): StreamName | undefined {
  const path = exchange.params['*'] ?? '';
  return knownKey(callerOf(exchange).tenant, path) === undefined ? streamAt(path) : path;
}
