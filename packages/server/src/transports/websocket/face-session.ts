import { PlayheadError, type ProblemCode, PROBLEMS } from '@playhead/protocol';
import type { Attached, Hub, Sink, Subscription } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Opening, SocketLine, SocketListener, WatchRequest } from '../socket-face.ts';
import { faceEncoding } from './face-encoding.ts';
import { encodeFrame, encodeText, OPCODE } from './frame-encoder.ts';
import { Pacer } from './pacer.ts';
import type { WebSocketConnection, WebSocketUser } from './web-socket.ts';

/** Shared by all sessions of a transport. */
export interface FaceSessionParts {
  readonly hub: Hub;
  readonly clock: Clock;
  /** Anything that is not a PlayheadError; gives what to close with. */
  failed(error: unknown): PlayheadError;
  closed(session: FaceSession): void;
}

/** Messages of one client that are being handled; beyond it the socket is not read. */
const UNANSWERED = 64;

/** One client of a documented surface: what the surface says goes out, what the client says goes in, in order. */
export class FaceSession implements WebSocketUser, SocketLine {
  readonly #parts: FaceSessionParts;
  readonly #opening: Opening;
  readonly #subscriptions = new Set<Subscription>();
  #connection: WebSocketConnection | undefined;
  #listener: SocketListener | undefined;
  // Made with the first subscription to a `latest` stream: most sockets have none.
  #pacer: Pacer | undefined;
  #paused = false;
  #unanswered = 0;
  #gone = false;

  constructor(parts: FaceSessionParts, opening: Opening) {
    this.#parts = parts;
    this.#opening = opening;
  }

  /** Gives the connection that the session speaks on, and begins. */
  attach(connection: WebSocketConnection): void {
    this.#connection = connection;
    this.#listener = this.#opening(this);
  }

  get connection(): WebSocketConnection | undefined {
    return this.#connection;
  }

  get open(): boolean {
    return this.#connection?.open === true;
  }

  send(text: string): boolean {
    return this.#written(this.#connection?.write(encodeText(text)));
  }

  sendBytes(...parts: readonly Uint8Array[]): boolean {
    return this.#written(this.#connection?.write(encodeFrame(OPCODE.binary, ...parts)));
  }

  async watch(request: WatchRequest): Promise<Attached> {
    const { key, from, delivery, intervalMs = 0 } = request;
    // The sink may hear of the end before `attach` has answered.
    const state: { made?: Subscription; ended: boolean } = { ended: false };
    const sink = this.#sinkOf(request, () => {
      state.ended = true;
      if (state.made !== undefined) this.#subscriptions.delete(state.made);
    });
    const attached = await this.#parts.hub.attach({ key, from, delivery, intervalMs }, sink);
    if (attached.kind !== 'attached') return attached;
    const { subscription: made } = attached;
    state.made = made;
    if (this.#gone) made[Symbol.dispose]();
    else if (!state.ended) this.#subscriptions.add(made);
    const forget = (): void => {
      this.#subscriptions.delete(made);
      made[Symbol.dispose]();
    };
    return {
      kind: 'attached',
      subscription: {
        get cursor() {
          return made.cursor;
        },
        get dropped() {
          return made.dropped;
        },
        resume: () => made.resume(),
        [Symbol.dispose]: forget,
      },
    };
  }

  pause(): void {
    this.#paused = true;
    this.#push();
  }

  resume(): void {
    this.#paused = false;
    this.#push();
  }

  close(code: ProblemCode | 'finished', reason: string): void {
    this.#connection?.close(code === 'finished' ? 1000 : PROBLEMS[code].close, reason);
  }

  /** As the transport says it when it goes away or a viewer is stuck. */
  end(code: ProblemCode, reason: string): void {
    this.close(code, reason);
  }

  isStalled(now: number, patienceMs: number): boolean {
    return this.#pacer?.isStalled(now, patienceMs) ?? false;
  }

  message(data: Buffer, binary: boolean): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    try {
      const handled =
        binary && listener.bytes !== undefined ? listener.bytes(data) : listener.text(data.toString());
      if (handled === undefined) return;
      this.#unanswered++;
      this.#push();
      handled
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          this.#unanswered--;
          this.#push();
        });
    } catch (error) {
      this.#fail(error);
    }
  }

  pong(data: Buffer): void {
    if (this.#pacer?.acknowledge(data) === true) this.#wake();
  }

  drained(): void {
    this.#wake();
    this.#push();
  }

  closed(): void {
    this.#gone = true;
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.#subscriptions.clear();
    this.#listener?.closed();
    this.#parts.closed(this);
  }

  #sinkOf(request: WatchRequest, ended: () => void): Sink {
    const encoding = faceEncoding(request.rendering);
    const pacer = request.delivery === 'latest' ? (this.#pacer ??= new Pacer()) : undefined;
    let again = false;
    return {
      encoding,
      receipt(receipt) {
        request.receipt?.(receipt, again);
        again = true;
      },
      write: (chunk) => {
        const connection = this.#connection;
        if (connection === undefined || chunk.length === 0) return true;
        request.sent?.();
        if (pacer === undefined) return this.#written(connection.write(chunk));
        const mark = pacer.mark(this.#parts.clock.now());
        return this.#written(connection.write(chunk, mark)) && pacer.ready;
      },
      end(reason) {
        ended();
        request.end?.(reason);
      },
    };
  }

  #wake(): void {
    if (this.#connection?.blocked === true) return;
    for (const subscription of this.#subscriptions) subscription.resume();
  }

  #written(taken: boolean | undefined): boolean {
    if (taken === false) this.#push();
    return taken !== false;
  }

  // A client that sends faster than it is answered, or reads no answers, is not read.
  #push(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#paused || connection.blocked || this.#unanswered >= UNANSWERED) connection.pause();
    else connection.resume();
  }

  #fail(error: unknown): void {
    const known = error instanceof PlayheadError ? error : this.#parts.failed(error);
    this.close(known.code, known.message);
  }
}
