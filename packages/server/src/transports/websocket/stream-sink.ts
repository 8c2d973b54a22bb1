import type { Receipt, ServerMessage } from '@playhead/protocol';
import type { Encoding, EndReason, Sink } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Screen } from '../terminals.ts';
import type { Pacer } from './pacer.ts';
import { sharedEncoding } from './socket-encoding.ts';
import type { WebSocketConnection } from './web-socket.ts';

export interface StreamSinkParts {
  readonly stream: string;
  readonly connection: WebSocketConnection;
  readonly clock: Clock;
  /** Where delivery is `latest`. */
  readonly pacer: Pacer | undefined;
  /** What a terminal showed where the subscription begins: told behind the first receipt. */
  readonly screen: Screen | undefined;
  readonly send: (message: ServerMessage) => void;
  /** The subscription is gone. */
  readonly over: () => void;
}

/**
 * One subscription on its way to a socket. A class and not closures over the parts: a fan-out finds what it needs of
 * each subscriber in memory that is no longer near, so what stands together is cheaper.
 */
export class StreamSink implements Sink {
  readonly encoding: Encoding;
  readonly #connection: WebSocketConnection;
  readonly #pacer: Pacer | undefined;
  readonly #clock: Clock;
  readonly #stream: string;
  readonly #send: (message: ServerMessage) => void;
  readonly #over: () => void;
  #screen: Screen | undefined;

  constructor(parts: StreamSinkParts) {
    this.encoding = sharedEncoding(parts.stream);
    this.#connection = parts.connection;
    this.#pacer = parts.pacer;
    this.#clock = parts.clock;
    this.#stream = parts.stream;
    this.#send = parts.send;
    this.#over = parts.over;
    this.#screen = parts.screen;
  }

  receipt(receipt: Receipt): void {
    const stream = this.#stream;
    this.#send({ type: 'receipt', stream, ...receipt });
    if (this.#screen !== undefined) this.#send({ type: 'snapshot', stream, ...this.#screen });
    this.#screen = undefined;
  }

  write(chunk: Uint8Array): boolean {
    const pacer = this.#pacer;
    if (pacer === undefined) return this.#connection.write(chunk);
    const taken = this.#connection.write(chunk, pacer.mark(this.#clock.now()));
    return taken && pacer.ready;
  }

  end(reason: EndReason): void {
    this.#over();
    this.#send({ type: 'end', stream: this.#stream, reason });
  }
}
