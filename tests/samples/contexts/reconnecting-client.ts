/**
 * A client in the manner of the documented reconnection strategy: it keeps what it wants to hear, and the last number of
 * each channel; after a drop it waits, connects, signs in with the same token, subscribes to all in one message, and
 * fetches over REST what it missed. It knows nothing of the server but what the document says.
 */
export interface ClientOptions {
  /** `http://…`, without a slash at the end. */
  readonly url: string;
  readonly token: string;
  readonly userId: string;
  event(channel: string, sequenceNumber: number, event: unknown): void;
  /** From 0 to below 1. */
  random(): number;
  /** Waits so many ms; a test makes them shorter. */
  wait(ms: number): Promise<void>;
}

const CAP_MS = 30_000;
const JITTER_MS = 500;

/** How long to wait before an attempt, counted from 1: 1, 2, 4, 8, 16, 30, 30 … s and up to half a second. */
export function backoff(attempt: number, random: () => number): number {
  return Math.min(1_000 * 2 ** (attempt - 1), CAP_MS) + random() * JITTER_MS;
}

interface Update {
  readonly type: string;
  readonly channel: string;
  readonly sequenceNumber: number;
  readonly event: unknown;
}

export class ReconnectingClient implements Disposable {
  readonly #options: ClientOptions;
  readonly #desired = new Set<string>();
  readonly #last = new Map<string, number>();
  /** Channels whose missing events are being fetched: what comes live meanwhile waits behind them. */
  readonly #fetching = new Map<string, Update[]>();
  #socket: WebSocket | undefined;
  #attempt = 0;
  #ready = false;
  #stopped = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Attempts since it was last connected. */
  get attempts(): number {
    return this.#attempt;
  }

  connect(): void {
    const socket = new WebSocket(`${this.#options.url.replace('http', 'ws')}/ws`);
    this.#socket = socket;
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#take(String(data)));
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', () => {
      this.#ready = false;
      void this.#again();
    });
  }

  subscribe(channel: string): void {
    this.#desired.add(channel);
    if (this.#ready) this.#send({ type: 'subscribe', channels: [channel], requestId: 'more' });
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#socket?.close();
  }

  async #again(): Promise<void> {
    if (this.#stopped) return;
    this.#attempt++;
    await this.#options.wait(backoff(this.#attempt, () => this.#options.random()));
    if (!this.#stopped) this.connect();
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #take(text: string): void {
    const message = JSON.parse(text) as Update & {
      readonly channels?: readonly string[];
      readonly success?: boolean;
    };
    const { token, userId } = this.#options;
    switch (message.type) {
      case 'welcome':
        this.#send({ type: 'auth', token, userId, requestId: 'auth' });
        return;
      case 'auth_response':
        this.#ready = true;
        this.#attempt = 0;
        if (this.#desired.size > 0)
          this.#send({ type: 'subscribe', channels: [...this.#desired], requestId: 'all' });
        return;
      case 'subscription-confirmed':
        for (const channel of message.channels ?? [])
          if (this.#last.has(channel)) void this.#fetchMissed(channel);
        return;
      case 'state-update':
        this.#hear(message);
        return;
      default:
    }
  }

  #hear(update: Update): void {
    const { channel, sequenceNumber } = update;
    if (!this.#desired.has(channel)) return;
    const waiting = this.#fetching.get(channel);
    if (waiting !== undefined) {
      waiting.push(update);
      return;
    }
    const last = this.#last.get(channel);
    if (last !== undefined && sequenceNumber > last + 1) {
      void this.#fetchMissed(channel, update);
      return;
    }
    this.#deliver(update);
  }

  #deliver({ channel, sequenceNumber, event }: Update): void {
    if (sequenceNumber <= (this.#last.get(channel) ?? 0)) return;
    this.#last.set(channel, sequenceNumber);
    this.#options.event(channel, sequenceNumber, event);
  }

  async #fetchMissed(channel: string, ...live: Update[]): Promise<void> {
    const waiting = this.#fetching.get(channel);
    if (waiting !== undefined) {
      waiting.push(...live);
      return;
    }
    this.#fetching.set(channel, [...live]);
    const { url, token } = this.#options;
    try {
      for (;;) {
        const after = this.#last.get(channel) ?? 0;
        const path = `${url}/api/v1/channels/${channel}/events?after=${after}&limit=100`;
        const answer = await fetch(path, { headers: { authorization: `Bearer ${token}` } });
        const { events } = (await answer.json()) as { events: readonly Update[] };
        for (const update of events) this.#deliver(update);
        if (events.length === 0) break;
      }
    } catch {
      // The server is away again: the next connection fetches from the same number.
    }
    const late = this.#fetching.get(channel) ?? [];
    this.#fetching.delete(channel);
    for (const update of late) this.#hear(update);
  }
}
