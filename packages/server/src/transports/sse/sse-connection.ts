import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Position, Receipt } from '@playhead/protocol';
import type { EndReason, Encoding, Sink, Subscription } from '../../hub/hub.ts';
import { SocketWriter } from '../socket-writer.ts';
import type { SseFace, SseRequest } from '../transport.ts';
import { sseEncoding } from './sse-encoding.ts';

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** What a connection needs of the transport that it belongs to. */
export interface SseOwner {
  readonly retryMs: number;
  /** Between two calls of `tick`. */
  readonly tickMs: number;
  closed(connection: SseConnection): void;
}

/**
 * One event stream on one HTTP response.
 *
 * After the head, bytes go to the socket directly: chunks come framed from the hub, shared by all connections at
 * the same cursor, and `ServerResponse.write` would frame and copy each of them again for every reader. The
 * response object still owns the head and the end, so keep-alive and Node's own bookkeeping stay right.
 *
 * Every write is a whole number of frames, so the response never ends inside one.
 */
export class SseConnection implements Sink {
  readonly encoding: Encoding;
  readonly #face: SseFace;
  readonly #preamble: SseFace['preamble'];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #endsAtGap: boolean;
  readonly #owner: SseOwner;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  #subscription: Subscription | undefined;
  #opened = false;
  #closed = false;
  #blocked = false;
  /** Ticks since something was last written, or, while blocked, since the socket last took something. */
  #quiet = 0;
  /** Ticks until the response ends by itself. */
  #left: number;

  constructor(request: SseRequest, owner: SseOwner, response: ServerResponse, socket: Socket) {
    const { face, preamble, headers, gap, lifetimeMs } = request;
    this.#headers = headers === undefined ? SSE_HEADERS : { ...SSE_HEADERS, ...headers };
    this.#endsAtGap = gap === 'end';
    // Not all at once: readers that came together would come back together.
    this.#left =
      lifetimeMs === undefined
        ? Number.POSITIVE_INFINITY
        : Math.ceil((lifetimeMs * (0.9 + Math.random() / 5)) / owner.tickMs);
    this.#face = face;
    this.#preamble = preamble ?? ((receipt, again) => face.preamble(receipt, again));
    this.#owner = owner;
    this.#response = response;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.encoding = sseEncoding(face, response.req.httpVersion !== '1.0');
    socket.on('drain', this.#drained);
    response.on('close', this.#gone);
  }

  /** Whether the reader has gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes what feeds this connection; it is ended with the connection. */
  own(subscription: Subscription): void {
    if (this.#closed) {
      subscription[Symbol.dispose]();
      this.#owner.closed(this);
    } else {
      this.#subscription = subscription;
    }
  }

  receipt(receipt: Receipt): void {
    const again = this.#opened;
    if (again && this.#endsAtGap) {
      this.#leave();
      this.#response.end();
      return;
    }
    if (!again) this.#open();
    // A face of another type, such as pictures, has no such field.
    const retry =
      again || this.#headers['content-type'] !== SSE_HEADERS['content-type']
        ? ''
        : `retry: ${this.#owner.retryMs}\n\n`;
    this.#send(retry + this.#preamble(receipt, again));
  }

  write(chunk: Uint8Array): boolean {
    this.#quiet = 0;
    if (this.#closed || chunk.length === 0) return true;
    if (this.#writer.write(chunk)) return true;
    this.#blocked = true;
    return false;
  }

  end(reason: EndReason): void {
    if (this.#closed) return;
    this.#send(this.#face.epilogue(reason, this.#subscription?.cursor));
    this.#leave();
    this.#response.end();
  }

  /** The whole answer to a reader at the end of a closed stream. */
  finish(cursor: Position): void {
    this.#open();
    this.#send(this.#face.epilogue('finished', cursor));
    this.#leave();
    this.#response.end();
  }

  /**
   * Called at a fixed interval. An idle reader gets the heartbeat; one whose socket took nothing for
   * `stallTicks` is taken for gone: the connection is cut, and it can resume where it was. One whose time is over
   * ends, unless it is blocked: it would be cut off inside a frame's way to it.
   */
  tick(heartbeat: Uint8Array, stallTicks: number): void {
    this.#quiet++;
    this.#left--;
    if (this.#left <= 0 && !this.#blocked) {
      this.end('draining');
      return;
    }
    if (this.#blocked) {
      if (this.#quiet >= stallTicks) this.#socket.destroy();
    } else if (this.#quiet >= 2) {
      this.write(heartbeat);
    }
  }

  /** Lets go without a word: nothing was sent yet, the response is free for another answer. */
  [Symbol.dispose](): void {
    this.#leave();
  }

  get face(): SseFace {
    return this.#face;
  }

  #open(): void {
    this.#opened = true;
    this.#response.writeHead(200, this.#headers);
    this.#response.flushHeaders();
    this.#socket.setNoDelay(true);
    // A reader whose machine vanished answers no probe; without them a quiet stream would keep it for ever.
    this.#socket.setKeepAlive(true, 30_000);
  }

  #send(text: string): void {
    if (text !== '') this.write(this.encoding.frame([Buffer.from(text)]));
  }

  readonly #drained = (): void => {
    this.#quiet = 0;
    this.#blocked = false;
    this.#subscription?.resume();
  };

  readonly #gone = (): void => {
    this.#leave();
  };

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.off('drain', this.#drained);
    this.#response.off('close', this.#gone);
    this.#subscription?.[Symbol.dispose]();
    this.#owner.closed(this);
  }
}
