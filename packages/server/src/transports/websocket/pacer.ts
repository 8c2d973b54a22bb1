import { encodeFrame, OPCODE } from './frame-encoder.ts';

/** How many frames of a `latest` stream may be on their way to one connection (D-29). */
const FRAMES_UNANSWERED = 2;

/**
 * Paces viewers of `latest` streams by protocol pings: each frame is followed by a ping, and its pong says that
 * the frame has arrived. Without it kernel buffers alone could hide seconds of video. A pong acknowledges every
 * earlier ping (RFC 6455, section 5.5.3, lets a peer answer only the newest).
 */
export class Pacer {
  #sent = 0;
  #acknowledged = 0;
  /** When the oldest unanswered frame was sent, ms; undefined if all are answered. */
  #since: number | undefined;

  /** The ping behind a frame. */
  mark(now: number): Buffer {
    this.#sent++;
    this.#since ??= now;
    const payload = Buffer.allocUnsafe(6);
    payload.writeUIntBE(this.#sent, 0, 6);
    return encodeFrame(OPCODE.ping, payload);
  }

  /** Whether another frame may be sent. */
  get ready(): boolean {
    return this.#sent - this.#acknowledged < FRAMES_UNANSWERED;
  }

  /** Takes a pong; true if it made room. Pongs of other pings, or of none, change nothing. */
  acknowledge(payload: Buffer): boolean {
    if (payload.length !== 6) return false;
    const number = payload.readUIntBE(0, 6);
    if (number <= this.#acknowledged || number > this.#sent) return false;
    this.#acknowledged = number;
    if (this.#acknowledged === this.#sent) this.#since = undefined;
    return true;
  }

  isStalled(now: number, patienceMs: number): boolean {
    return this.#since !== undefined && now - this.#since > patienceMs;
  }
}
