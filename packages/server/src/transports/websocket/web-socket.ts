import type { Duplex } from 'node:stream';
import { SocketWriter } from '../socket-writer.ts';
import { FrameDecoder, FrameError, type Incoming } from './frame-decoder.ts';
import { encodeClose, encodeFrame, OPCODE } from './frame-encoder.ts';

/** What a face does with a WebSocket. Called one after the other, never re-entrantly. */
export interface WebSocketUser {
  message(data: Buffer, binary: boolean): void;
  pong(data: Buffer): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The last call: the connection is gone, however it went. */
  closed(): void;
}

/**
 * One WebSocket after its handshake: frames in, raw bytes out.
 *
 *   OPEN ──close()──▶ CLOSING ──peer's close frame, or time──▶ CLOSED
 *    │ peer's close frame: answered with the same code                ▲
 *    └ protocol error: close frame with its code ─────────────────────┤
 *    └ the connection breaks ─────────────────────────────────────────┘
 */
export class WebSocketConnection {
  readonly #socket: Duplex;
  readonly #writer: SocketWriter;
  readonly #decoder: FrameDecoder;
  readonly #user: WebSocketUser;
  #state: 'OPEN' | 'CLOSING' | 'CLOSED' = 'OPEN';
  #blocked = false;
  /** Ticks since the peer last sent anything. */
  #silence = 0;
  #closingTicks = 0;

  constructor(socket: Duplex, maxMessageBytes: number, user: WebSocketUser) {
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#decoder = new FrameDecoder(maxMessageBytes);
    this.#user = user;
    owners.set(socket, this);
    socket.on('data', onData);
    socket.on('drain', onDrain);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    // What broke it does not matter: `close` follows, and the peer may come back.
    socket.on('error', onEnd);
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get open(): boolean {
    return this.#state === 'OPEN';
  }

  /**
   * Writes whole frames as they are, `behind` right behind them; false asks to wait for `drained`. Nothing is written
   * once it is not open.
   */
  write(frames: Uint8Array, behind?: Uint8Array): boolean {
    if (this.#state !== 'OPEN' || frames.length === 0) return true;
    if (behind === undefined ? this.#writer.write(frames) : this.#writeBoth(frames, behind)) return true;
    this.#blocked = true;
    return false;
  }

  // Joined by the system and not here: pictures are large, and each viewer has marks of its own.
  #writeBoth(frames: Uint8Array, behind: Uint8Array): boolean {
    this.#socket.cork();
    this.#socket.write(frames);
    const taken = this.#socket.write(behind);
    this.#socket.uncork();
    return taken;
  }

  /** Begins the closing handshake. Frames written before still go out. */
  close(code: number, reason: string): void {
    if (this.#state !== 'OPEN') return;
    this.#socket.write(encodeClose(code, reason));
    this.#state = 'CLOSING';
  }

  /** Stops or goes on reading what the peer sends. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Called at a fixed interval: pings a peer that was silent for `pingTicks`, and cuts off one that was silent
   * for `deadTicks`, or did not answer a close frame for two.
   */
  tick(pingTicks: number, deadTicks: number): void {
    if (this.#state === 'CLOSING' && ++this.#closingTicks > 2) this.#socket.destroy();
    this.#silence++;
    if (this.#silence >= deadTicks) this.#socket.destroy();
    else if (this.#silence >= pingTicks && !this.#blocked) this.write(encodeFrame(OPCODE.ping));
  }

  /** Bytes that came with the handshake. */
  unshift(head: Buffer): void {
    if (head.length > 0) this.data(head);
  }

  /** Bytes of the socket; called by its listeners, as the three below. */
  data(piece: Buffer): void {
    this.#silence = 0;
    try {
      for (const incoming of this.#decoder.feed(piece)) {
        if (this.#state === 'CLOSED') return;
        this.#take(incoming);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.close(error.closeCode, error.message);
      this.end();
    }
  }

  #take(incoming: Incoming): void {
    switch (incoming.kind) {
      case 'text':
      case 'binary':
        if (this.#state === 'OPEN') this.#user.message(incoming.data, incoming.kind === 'binary');
        return;
      case 'ping':
        // While the peer takes nothing its pings are not answered: answers would pile up here.
        if (!this.#blocked) this.write(encodeFrame(OPCODE.pong, incoming.data));
        return;
      case 'pong':
        if (this.#state === 'OPEN') this.#user.pong(incoming.data);
        return;
      case 'close':
        this.close(incoming.code === 1005 ? 1000 : incoming.code, '');
        this.end();
    }
  }

  drained(): void {
    this.#blocked = false;
    if (this.#state === 'OPEN') this.#user.drained();
  }

  /** Whatever was written still goes out; then the connection is closed from this side. */
  end(): void {
    if (this.#state === 'OPEN') this.#state = 'CLOSING';
    this.#socket.off('data', onData);
    this.#socket.resume();
    if (!this.#socket.writableEnded) this.#socket.end();
    this.#closingTicks = 1;
  }

  gone(): void {
    if (this.#state === 'CLOSED') return;
    this.#state = 'CLOSED';
    this.#socket.off('data', onData);
    this.#socket.off('drain', onDrain);
    this.#user.closed();
  }
}

// Listeners shared by all sockets: five closures for each of ten thousand idle ones would be memory for nothing.
const owners = new WeakMap<Duplex, WebSocketConnection>();

function onData(this: Duplex, piece: Buffer): void {
  owners.get(this)?.data(piece);
}

function onDrain(this: Duplex): void {
  owners.get(this)?.drained();
}

function onClose(this: Duplex): void {
  owners.get(this)?.gone();
}

function onEnd(this: Duplex): void {
  owners.get(this)?.end();
}
