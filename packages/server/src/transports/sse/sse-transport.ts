import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PlayheadError, type Position } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import type { Attached, Hub, Sink, Subscription } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseRequest, SseTransport } from '../transport.ts';
import { SSE_HEADERS, SseConnection, type SseOwner } from './sse-connection.ts';
import { sseEncoding } from './sse-encoding.ts';

export interface SseParts {
  readonly hub: Hub;
  readonly clock: Clock;
  /** An idle connection hears a heartbeat after at least this many ms and at most half as many more. */
  readonly heartbeatMs: number;
  /** What readers are told to wait before they reconnect, ms. */
  readonly retryMs: number;
  /** A reader that takes no byte for so long is cut off, ms. */
  readonly stallMs: number;
}

/** Serves streams as Server-Sent Events. See transport.ts. */
export function createSseTransport(parts: SseParts): SseTransport & Disposable {
  const { hub, clock, heartbeatMs } = parts;
  const connections = new Set<SseConnection>();
  // One timer for all connections. Heartbeats of a face are encoded once per tick.
  const interval = heartbeatMs / 2;
  const owner: SseOwner = {
    retryMs: parts.retryMs,
    tickMs: interval,
    closed: (connection) => connections.delete(connection),
  };

  const stallTicks = Math.max(2, Math.ceil(parts.stallMs / interval));
  const ticking = clock.every(interval, () => {
    const heartbeats = new Map<unknown, Uint8Array>();
    for (const connection of connections) {
      const { encoding, face } = connection;
      let heartbeat = heartbeats.get(encoding);
      if (heartbeat === undefined) {
        heartbeat = encoding.frame([Buffer.from(face.heartbeat(clock.now()))]);
        heartbeats.set(encoding, heartbeat);
      }
      connection.tick(heartbeat, stallTicks);
    }
  });

  async function respond(exchange: Exchange, request: SseRequest): Promise<void> {
    const { response } = exchange;
    if (exchange.request.method === 'HEAD') {
      const probe: Sink = { ...SILENT, encoding: sseEncoding(request.face, true) };
      const subscription = answer(response, await hub.attach(request, probe));
      subscription?.[Symbol.dispose]();
      if (subscription !== undefined) response.writeHead(200, SSE_HEADERS).end();
      return;
    }
    const socket = response.socket ?? (await assignedSocket(response));
    if (socket === undefined) return;
    using held = new DisposableStack();
    const connection = held.use(new SseConnection(request, owner, response, socket));
    const attached = await hub.attach(request, connection);
    if (attached.kind === 'finished' && request.finished === 'epilogue') {
      connection.finish(positionOf(request));
      return;
    }
    const subscription = answer(response, attached);
    if (subscription === undefined) return;
    held.move();
    // Before `own`: if the reader went meanwhile, that lets go of both at once.
    connections.add(connection);
    connection.own(subscription);
  }

  return {
    respond,
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
    },
  };
}

/** The subscription, if there is one; else the answer was given, or is thrown. */
function answer(response: ServerResponse, attached: Attached): Subscription | undefined {
  switch (attached.kind) {
    case 'attached':
      return attached.subscription;
    case 'finished':
      response.writeHead(204, { 'cache-control': 'no-cache' }).end();
      return undefined;
    case 'missing':
      throw new PlayheadError('stream-not-found', 'There is no such stream.');
    case 'draining':
      throw new PlayheadError('draining', 'The server is going away. Reconnect with the same position.');
  }
}

/** Only a reader that named a position can be at the end of a closed stream. */
function positionOf({ from }: SseRequest): Position {
  if (typeof from === 'string') throw new TypeError('A stream that has ended before its beginning.');
  return from;
}

// A request that was pipelined behind another has no socket until that one is answered.
function assignedSocket(response: ServerResponse): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    response.once('socket', resolve);
    response.once('close', () => resolve(undefined));
  });
}

const SILENT = { receipt(): void {}, write: (): boolean => true, end(): void {} };
