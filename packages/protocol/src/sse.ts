/**
 * Server-Sent Events (WHATWG HTML, section 9.2): frames out of fields, and fields out of bytes that arrive
 * split anywhere.
 */

/** One frame. `data` may hold line breaks: each becomes a `data:` line. `id` and `event` must not. */
export interface SseFrame {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  /** Reconnection time in ms. */
  readonly retry?: number;
  /** A comment, sent before the fields. */
  readonly comment?: string;
}

/** One event as a reader sees it. */
export interface SseMessage {
  /** `message` if the frame named none. */
  readonly event: string;
  readonly data: string;
  /** The last id that the stream set, '' before the first. */
  readonly lastEventId: string;
}

const BREAK = /\r\n|\r|\n/;
const FIELD_BREAKS = /[\r\n\0]/g;
/** A timer set for longer fires at once, which would turn a request for patience into a storm. */
const RETRY_MAX = 2 ** 31 - 1;

/**
 * The text of one frame, blank line included: LF, exactly one space after each colon, `id` before `event`
 * before `data` (CM-13, CM-14). Line breaks in `id` and `event` are removed, so that nothing can be injected.
 */
export function encodeSse(frame: SseFrame): string {
  let text = '';
  if (frame.comment !== undefined) for (const line of frame.comment.split(BREAK)) text += `: ${line}\n`;
  if (frame.retry !== undefined) text += `retry: ${frame.retry}\n`;
  if (frame.id !== undefined) text += `id: ${frame.id.replace(FIELD_BREAKS, '')}\n`;
  if (frame.event !== undefined) text += `event: ${frame.event.replace(FIELD_BREAKS, '')}\n`;
  if (frame.data !== undefined) for (const line of frame.data.split(BREAK)) text += `data: ${line}\n`;
  return `${text}\n`;
}

export interface SseDecoderOptions {
  onMessage(message: SseMessage): void;
  onComment?(comment: string): void;
  /** The server asks to wait this many ms before reconnecting: at most 2^31 − 1, the longest that timers wait. */
  onRetry?(milliseconds: number): void;
  /** Longest line and longest event in characters; one beyond it throws a RangeError. Default 16 Mi. */
  readonly maxLength?: number;
}

/**
 * Turns text, split anywhere, into messages. Feed it what a streaming UTF-8 decoder gives. A frame without its
 * blank line at the end of the stream is discarded, as the standard says.
 *
 *   IN_LINE --LF--> IN_LINE        a line ends at LF, CR or CRLF
 *   IN_LINE --CR--> AFTER_CR       the LF of a CRLF may come with the next piece: swallow it there
 */
export class SseDecoder {
  readonly #options: SseDecoderOptions;
  readonly #maxLength: number;
  #line: string[] = [];
  #lineLength = 0;
  #afterCr = false;
  #first = true;
  #data: string[] = [];
  #dataLength = 0;
  #event = '';
  // An id counts once its frame is whole: a connection cut between `id:` and the blank line would otherwise
  // resume behind an event that nobody has seen.
  #nextId = '';
  #id = '';

  constructor(options: SseDecoderOptions) {
    this.#options = options;
    this.#maxLength = options.maxLength ?? 16 * 1024 * 1024;
  }

  /** Takes the next piece of text. Messages are reported synchronously, in order. */
  feed(piece: string): void {
    let text = piece;
    if (text.length === 0) return;
    // A byte order mark is allowed once, at the very beginning.
    if (this.#first) {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let start = 0;
    if (this.#afterCr && text.length > 0) {
      this.#afterCr = false;
      if (text.charCodeAt(0) === 10) start = 1;
    }
    // Two searches of their own: a regular expression over both characters is several times slower.
    let lf = text.indexOf('\n', start);
    let cr = text.indexOf('\r', start);
    while (lf !== -1 || cr !== -1) {
      const end = lf === -1 ? cr : cr === -1 ? lf : Math.min(lf, cr);
      this.#takeLine(text.slice(start, end));
      start = end + 1;
      if (end === cr) {
        if (start === text.length) this.#afterCr = true;
        else if (text.charCodeAt(start) === 10) start++;
        cr = text.indexOf('\r', start);
      }
      if (lf !== -1 && lf < start) lf = text.indexOf('\n', start);
    }
    if (start < text.length) this.#keep(text.slice(start));
  }

  /** Forgets a frame that was cut off; the last id stays, because a reconnection sends it. */
  reset(): void {
    this.#line = [];
    this.#lineLength = 0;
    this.#afterCr = false;
    this.#first = true;
    this.#data = [];
    this.#dataLength = 0;
    this.#event = '';
    this.#nextId = this.#id;
  }

  /** What to send as Last-Event-ID: that of the last whole frame that had one; '' before the first. */
  get lastEventId(): string {
    return this.#id;
  }

  // Pieces of an unfinished line are joined once, when it ends: adding each to a string and searching it anew
  // is quadratic for a long line that arrives in small pieces.
  #keep(piece: string): void {
    this.#lineLength += piece.length;
    this.#limit(this.#lineLength);
    this.#line.push(piece);
  }

  #takeLine(end: string): void {
    let line = end;
    if (this.#line.length > 0) {
      this.#line.push(end);
      line = this.#line.join('');
      this.#line = [];
      this.#lineLength = 0;
    }
    this.#limit(line.length);
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return this.#options.onComment?.(line.slice(line.charCodeAt(1) === 32 ? 2 : 1));
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    this.#takeField(name, value);
  }

  #takeField(name: string, value: string): void {
    switch (name) {
      case 'data':
        this.#dataLength += value.length + 1;
        this.#limit(this.#dataLength);
        this.#data.push(value);
        return;
      case 'event':
        this.#event = value;
        return;
      case 'id':
        // An id with NUL is ignored, as the standard says: it could not be sent back in a header.
        if (!value.includes('\0')) this.#nextId = value;
        return;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#options.onRetry?.(Math.min(Number(value), RETRY_MAX));
        return;
      default:
      // Unknown fields are ignored, as the standard says.
    }
  }

  #dispatch(): void {
    const data = this.#data;
    const event = this.#event;
    this.#data = [];
    this.#dataLength = 0;
    this.#event = '';
    this.#id = this.#nextId;
    if (data.length === 0) return;
    this.#options.onMessage({
      event: event === '' ? 'message' : event,
      data: data.join('\n'),
      lastEventId: this.#id,
    });
  }

  #limit(length: number): void {
    if (length > this.#maxLength)
      throw new RangeError(`a line or event is longer than ${this.#maxLength} characters`);
  }
}
