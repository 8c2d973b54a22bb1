import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { createHeard, type Heard } from './heard.ts';
import { type RequestOptions, requestHeaders } from './request.ts';
import type { TestServer } from './server.ts';
import { PATIENCE, within } from './within.ts';

/** One frame, as its exact text on the wire and as a strict reader of the documented syntax takes it apart. */
export interface Frame {
  /** Everything up to and with the blank line. */
  readonly text: string;
  /** The lines, without the blank one. */
  readonly lines: readonly string[];
  readonly id: string | undefined;
  readonly event: string | undefined;
  /** Several `data:` lines are joined by LF. */
  readonly data: string | undefined;
}

export interface StreamOptions extends RequestOptions {
  readonly lastEventId?: string;
}

/** How a response ended: by its last chunk, or by a connection that broke. */
export type StreamEnd = 'ended' | 'broken';

/** Opens an event stream and waits for its headers. */
export function openStream(
  server: TestServer,
  path: string,
  options: StreamOptions = {},
): Promise<EventReader> {
  const headers = requestHeaders(server, options);
  headers['accept'] ??= 'text/event-stream';
  if (options.lastEventId !== undefined) headers['last-event-id'] = options.lastEventId;
  const opened = new Promise<EventReader>((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: server.port, path, method: options.method ?? 'GET', headers, agent: false },
      (incoming) => resolve(new EventReader(incoming)),
    );
    outgoing.on('error', (cause) => {
      reject(new Error(`${options.method ?? 'GET'} ${path}: ${cause.message}`, { cause }));
    });
    outgoing.end();
  });
  return within(opened, `the headers of ${path}`);
}

/** The JSON of a frame, in the shape that the caller expects. */
export function jsonOf<T>(frame: Frame): T {
  return JSON.parse(frame.data ?? '') as T;
}

/** A reader that keeps every byte, so that a test can judge the bytes themselves. */
export class EventReader implements AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Every frame so far, heartbeats and comments included. */
  readonly frames: Frame[] = [];
  readonly #incoming: IncomingMessage;
  readonly #bytes: Buffer[] = [];
  readonly #ended: Promise<StreamEnd>;
  readonly #heard: Heard = createHeard(() => this.#tail());
  // A character may be split over two reads; a byte that is no UTF-8 at all fails the test.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #rest = '';

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.status = incoming.statusCode ?? 0;
    this.headers = incoming.headers;
    this.#ended = new Promise((resolve) => {
      incoming.on('data', (bytes: Buffer) => this.#take(bytes));
      incoming.on('error', () => undefined);
      incoming.on('close', () => {
        const end = incoming.complete ? 'ended' : 'broken';
        this.#heard.over(`the stream ended (${this.status}, ${end})`);
        resolve(end);
      });
    });
  }

  /** The whole body so far, exactly. */
  get body(): Buffer {
    return Buffer.concat(this.#bytes);
  }

  /** What follows the last blank line: not empty if the body was cut inside a frame. */
  get rest(): string {
    return this.#rest;
  }

  /** The first frame that fits, among those from index `from` on; waits for it. */
  frame(fits: (frame: Frame) => boolean, what: string, from: number = 0): Promise<Frame> {
    let next = from;
    // No frame is looked at twice: a stream may be of many thousands.
    const find = (): Frame | undefined => {
      while (next < this.frames.length) {
        const frame = this.frames[next++];
        if (frame !== undefined && fits(frame)) return frame;
      }
      return undefined;
    };
    return this.#heard.when(find, what);
  }

  /** The first frame of that event name. */
  event(name: string, from: number = 0): Promise<Frame> {
    return this.frame((frame) => frame.event === name, `an event named ${name}`, from);
  }

  /** Waits for the end of the response. */
  end(ms: number = PATIENCE): Promise<StreamEnd> {
    return within(this.#ended, () => `the end of the stream; it said\n${this.#tail()}`, ms);
  }

  /** Stops reading, so that the server meets backpressure. */
  pause(): void {
    this.#incoming.pause();
  }

  resume(): void {
    this.#incoming.resume();
  }

  /** Breaks the connection, as a reader does that goes away. */
  close(): void {
    this.#incoming.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#ended;
  }

  #tail(): string {
    return (
      this.frames
        .slice(-5)
        .map((frame) => frame.text)
        .join('') + this.#rest
    );
  }

  #take(bytes: Buffer): void {
    this.#bytes.push(bytes);
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.frames.push(takeApart(part));
    this.#heard.came();
  }
}

function takeApart(text: string): Frame {
  const lines = text.split('\n');
  const values = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const data = values('data');
  return {
    text: `${text}\n\n`,
    lines,
    id: values('id').at(-1),
    event: values('event').at(-1),
    data: data.length === 0 ? undefined : data.join('\n'),
  };
}
