import { isUtf8 } from 'node:buffer';

/** What a peer sent, whole. Text is validated UTF-8. */
export type Incoming =
  | { readonly kind: 'text'; readonly data: Buffer }
  | { readonly kind: 'binary'; readonly data: Buffer }
  | { readonly kind: 'ping'; readonly data: Buffer }
  | { readonly kind: 'pong'; readonly data: Buffer }
  /** `code` is 1005 if the frame named none. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** The peer broke the protocol; the connection ends with this close code (RFC 6455, section 7.4.1). */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly closeCode: 1002 | 1007 | 1009;

  constructor(closeCode: FrameError['closeCode'], message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const EMPTY = Buffer.alloc(0);

/**
 * RFC 6455 frames of a client, from bytes that arrive split anywhere.
 *
 *   HEAD ──▶ LENGTH_16 ─┐
 *    │ ├───▶ LENGTH_64 ─┤
 *    │ └────────────────┴──▶ MASK ──▶ PAYLOAD ──▶ HEAD
 *    └ each state waits until the bytes that it needs are there: `#take` hides the edges of the pieces
 *
 * Between messages it holds no buffer, so that an idle connection costs almost nothing.
 */
export class FrameDecoder {
  readonly #maxLength: number;
  #state: 'HEAD' | 'LENGTH_16' | 'LENGTH_64' | 'MASK' | 'PAYLOAD' = 'HEAD';
  #pieces: Buffer[] = [];
  #available = 0;
  #final = false;
  #opcode = 0;
  #length = 0;
  #mask: Buffer = EMPTY;
  /** The message under way: its opcode (0: none) and the frames so far. */
  #message = 0;
  #fragments: Buffer[] = [];
  #fragmentBytes = 0;

  /** `maxLength`: bytes of one message, all its fragments together. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Takes the next piece and gives what became whole, in order. Throws FrameError; the decoder is then done for. */
  *feed(piece: Buffer): Generator<Incoming, void, undefined> {
    this.#pieces.push(piece);
    this.#available += piece.length;
    for (;;) {
      const bytes = this.#take(this.#need());
      if (bytes === undefined) return;
      const incoming = this.#step(bytes);
      if (incoming !== undefined) yield incoming;
    }
  }

  #need(): number {
    switch (this.#state) {
      case 'HEAD':
        return 2;
      case 'LENGTH_16':
        return 2;
      case 'LENGTH_64':
        return 8;
      case 'MASK':
        return 4;
      case 'PAYLOAD':
        return this.#length;
    }
  }

  #step(bytes: Buffer): Incoming | undefined {
    switch (this.#state) {
      case 'HEAD':
        this.#head(bytes[0] ?? 0, bytes[1] ?? 0);
        return undefined;
      case 'LENGTH_16':
        this.#setLength(bytes.readUInt16BE(0));
        return undefined;
      case 'LENGTH_64': {
        const length = bytes.readBigUInt64BE(0);
        this.#setLength(length > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(length));
        return undefined;
      }
      case 'MASK':
        this.#mask = Buffer.from(bytes);
        this.#state = 'PAYLOAD';
        return undefined;
      case 'PAYLOAD':
        this.#state = 'HEAD';
        return this.#payload(unmask(bytes, this.#mask));
    }
  }

  #head(first: number, second: number): void {
    this.#final = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new FrameError(1002, 'reserved bits are set');
    if ((second & 0x80) === 0) throw new FrameError(1002, 'a frame of a client is not masked');
    const length = second & 0x7f;
    switch (this.#opcode) {
      case CONTINUATION:
        if (this.#message === 0) throw new FrameError(1002, 'a continuation without a message');
        break;
      case TEXT:
      case BINARY:
        if (this.#message !== 0) throw new FrameError(1002, 'a new message inside another');
        break;
      case CLOSE:
      case PING:
      case PONG:
        if (!this.#final) throw new FrameError(1002, 'a control frame is fragmented');
        if (length > 125) throw new FrameError(1002, 'a control frame is too long');
        break;
      default:
        throw new FrameError(1002, 'an unknown opcode');
    }
    if (length === 126) this.#state = 'LENGTH_16';
    else if (length === 127) this.#state = 'LENGTH_64';
    else this.#setLength(length);
  }

  // Checked before a byte of the payload is taken: a limit that is found out afterwards is none.
  #setLength(length: number): void {
    if (this.#opcode < CLOSE && this.#fragmentBytes + length > this.#maxLength) {
      throw new FrameError(1009, `a message is longer than ${this.#maxLength} bytes`);
    }
    this.#length = length;
    this.#state = 'MASK';
  }

  #payload(data: Buffer): Incoming | undefined {
    switch (this.#opcode) {
      case PING:
        return { kind: 'ping', data };
      case PONG:
        return { kind: 'pong', data };
      case CLOSE:
        return closeOf(data);
      default:
        return this.#fragment(data);
    }
  }

  #fragment(data: Buffer): Incoming | undefined {
    if (this.#opcode !== CONTINUATION) this.#message = this.#opcode;
    if (!this.#final) {
      this.#fragments.push(data);
      this.#fragmentBytes += data.length;
      return undefined;
    }
    const whole = this.#fragments.length === 0 ? data : Buffer.concat([...this.#fragments, data]);
    const kind = this.#message === TEXT ? 'text' : 'binary';
    this.#message = 0;
    this.#fragments = [];
    this.#fragmentBytes = 0;
    if (kind === 'text' && !isUtf8(whole)) throw new FrameError(1007, 'a text is not valid UTF-8');
    return { kind, data: whole };
  }

  /** The next `count` bytes, or undefined while they are not all there. */
  #take(count: number): Buffer | undefined {
    if (this.#available < count) return undefined;
    if (count === 0) return EMPTY;
    this.#available -= count;
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= count) {
      if (first.length === count) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const taken = Buffer.allocUnsafe(count);
    let filled = 0;
    let used = 0;
    for (const piece of this.#pieces) {
      const part = piece.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length < piece.length) {
        this.#pieces[used] = piece.subarray(part.length);
        break;
      }
      used++;
      if (filled === count) break;
    }
    this.#pieces.splice(0, used);
    return taken;
  }
}

// Into new memory: the piece belongs to the socket, and may be shared with what follows it.
function unmask(bytes: Buffer, mask: Buffer): Buffer {
  const data = Buffer.allocUnsafe(bytes.length);
  const [a = 0, b = 0, c = 0, d = 0] = mask;
  const key = [a, b, c, d];
  for (let i = 0; i < bytes.length; i++) data[i] = (bytes[i] ?? 0) ^ (key[i & 3] ?? 0);
  return data;
}

function closeOf(data: Buffer): Incoming {
  if (data.length === 0) return { kind: 'close', code: 1005, reason: '' };
  if (data.length === 1) throw new FrameError(1002, 'a close code of one byte');
  const code = data.readUInt16BE(0);
  if (!isSendable(code)) throw new FrameError(1002, 'a close code that must not be sent');
  const reason = data.subarray(2);
  if (!isUtf8(reason)) throw new FrameError(1007, 'a close reason is not valid UTF-8');
  return { kind: 'close', code, reason: reason.toString() };
}

/** Codes that may stand in a frame: 1004 to 1006 and 1015 are only ever reported, below 1000 is nothing. */
function isSendable(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
