import type { IncomingMessage } from 'node:http';
import { type AskOptions, begin } from './ask.ts';
import { within } from './within.ts';

/** One frame, as its exact text and as its fields. */
export interface Frame {
  /** Up to and with the empty line. */
  readonly text: string;
  readonly id: string | undefined;
  readonly event: string | undefined;
  /** Several `data:` lines are joined by LF. */
  readonly data: string | undefined;
}

/** Opens an event stream; the head of the answer is there. */
export async function openEvents(
  path: string,
  options: AskOptions & { readonly lastEventId?: string } = {},
): Promise<EventReader> {
  const { lastEventId, headers, ...rest } = options;
  return new EventReader(
    await begin(path, {
      ...rest,
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        ...headers,
      },
    }),
  );
}

/** A reader that keeps every byte. */
export class EventReader implements Disposable {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly frames: Frame[] = [];
  readonly #incoming: IncomingMessage;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<void>;
  #over = false;
  #rest = '';

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.status = incoming.statusCode ?? 0;
    this.headers = incoming.headers;
    this.#ended = new Promise((resolve) => {
      incoming.on('data', (bytes: Buffer) => this.#take(bytes));
      incoming.on('error', () => undefined);
      incoming.on('close', () => {
        this.#over = true;
        for (const look of this.#waiting) look();
        resolve();
      });
    });
  }

  /** What follows the last empty line. */
  get rest(): string {
    return this.#rest;
  }

  /** What is in the log, and what is a receipt: frames with data. */
  get events(): readonly Frame[] {
    return this.frames.filter(({ data }) => data !== undefined);
  }

  /** The first frame that fits; waits for it. */
  frame(fits: (frame: Frame) => boolean, what: string): Promise<Frame> {
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    const look = (): void => {
      const found = this.frames.find(fits);
      if (found === undefined && !this.#over) return;
      this.#waiting.delete(look);
      if (found === undefined) reject(new Error(`the stream ended without ${what}:\n${this.#tail()}`));
      else resolve(found);
    };
    this.#waiting.add(look);
    look();
    return within(promise, () => `${what}; the last frames:\n${this.#tail()}`);
  }

  /** The first frame of that name. */
  named(name: string): Promise<Frame> {
    return this.frame(({ event }) => event === name, `an event ${name}`);
  }

  /** The frames of the log, once there are so many. */
  async logged(count: number): Promise<readonly Frame[]> {
    const all = (): readonly Frame[] => this.frames.filter(({ id }) => id !== undefined);
    await this.frame(() => all().length >= count, `${count} events with an id`);
    return all();
  }

  /** Waits for the end of the response. */
  end(): Promise<void> {
    return within(this.#ended, () => `the end of the stream; the last frames:\n${this.#tail()}`);
  }

  [Symbol.dispose](): void {
    this.#incoming.destroy();
  }

  #tail(): string {
    return (
      this.frames
        .slice(-5)
        .map(({ text }) => text)
        .join('') + this.#rest
    );
  }

  #take(bytes: Buffer): void {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.frames.push(frameOf(part));
    for (const look of this.#waiting) look();
  }
}

function frameOf(text: string): Frame {
  const values = (name: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}: `))
      .map((line) => line.slice(name.length + 2));
  const data = values('data');
  return {
    text: `${text}\n\n`,
    id: values('id').at(-1),
    event: values('event').at(-1),
    data: data.length === 0 ? undefined : data.join('\n'),
  };
}

/** The JSON of a frame, in the shape that the caller expects. */
export function jsonOf<T>({ data }: Frame): T {
  return JSON.parse(data ?? '') as T;
}
