import type { Position } from '@playhead/protocol';
import type { Appended, AppendOptions, Bounds, EventLog, LogEvent } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';
import type { Logger } from '../runtime/logger.ts';
import { Channel, type ChannelOwner, receiptOf } from './channel.ts';
import type { Attached, AttachRequest, Demand, Hub, HubStats, Sink } from './hub.ts';
import { Subscriber } from './subscriber.ts';

export interface HubParts {
  readonly log: EventLog;
  readonly logger: Logger;
  /** Bytes of recent events in memory per stream. Default 4 MiB. */
  readonly windowBytes?: number;
  /** The same for all streams together; beyond it windows keep their newest batch only. Default 256 MiB. */
  readonly totalWindowBytes?: number;
  /** Bytes of one write to one subscriber, approximately. Default 128 KiB. */
  readonly chunkBytes?: number;
}

/** Makes the hub of one process. See hub.ts for what it promises. */
export function createHub(parts: HubParts): Hub {
  return new FanOut(parts);
}

class FanOut implements Hub, ChannelOwner {
  readonly log: EventLog;
  readonly limits: { readonly windowBytes: number; readonly chunkBytes: number };
  readonly #logger: Logger;
  readonly #totalWindowBytes: number;
  readonly #channels = new Map<StreamKey, Channel>();
  readonly #demands = new Map<StreamKey, (demand: Demand) => void>();
  #draining = false;
  #dropped = 0;

  constructor(parts: HubParts) {
    this.log = parts.log;
    this.#logger = parts.logger;
    this.limits = {
      windowBytes: parts.windowBytes ?? 4 * 1024 * 1024,
      chunkBytes: parts.chunkBytes ?? 128 * 1024,
    };
    this.#totalWindowBytes = parts.totalWindowBytes ?? 256 * 1024 * 1024;
  }

  get stats(): HubStats {
    let subscriptions = 0;
    for (const channel of this.#channels.values()) subscriptions += channel.subscribers;
    return {
      streams: this.#channels.size,
      subscriptions,
      windowBytes: this.#windowBytes(),
      dropped: this.#dropped,
    };
  }

  append(key: StreamKey, events: readonly LogEvent[], options?: AppendOptions): Promise<Appended> {
    const appended = this.log.append(key, events, options);
    const watched = this.#channels.get(key);
    if (watched === undefined) return appended.then((result) => this.#take(key, events, options, result));
    const began = watched.appendBegan();
    return appended.then(
      (result) => {
        watched.appendEnded(began);
        return this.#take(key, events, options, result);
      },
      (error: unknown) => {
        watched.appendEnded(began);
        throw error;
      },
    );
  }

  // The channel is looked up when the commit is back: whoever attached meanwhile is served from its window too.
  #take(
    key: StreamKey,
    events: readonly LogEvent[],
    options: AppendOptions | undefined,
    result: Appended,
  ): Appended {
    const channel = this.#channels.get(key);
    if (channel !== undefined && result.kind === 'appended') {
      const { epoch } = result.position;
      channel.offer({ epoch, first: result.first, time: result.time, events }, options?.close === true);
      if (channel.windowBytes > this.limits.windowBytes / 2) this.#boundWindows();
    }
    return result;
  }

  async attach(request: AttachRequest, sink: Sink): Promise<Attached> {
    if (this.#draining) return { kind: 'draining' };
    const channel = this.#channel(request.key);
    using _kept = channel.retain();
    const bounds = await this.log.bounds(request.key);
    if (bounds === undefined) return { kind: 'missing' };
    const begin = await this.#begin(request, bounds);
    if (begin === undefined) return { kind: 'missing' };
    if (this.#draining) return { kind: 'draining' };
    const { requested, from, missed } = begin;
    if (bounds.closed && requested !== null && samePosition(requested, bounds.latest))
      return { kind: 'finished' };
    const subscriber = new Subscriber({
      channel,
      log: this.log,
      sink,
      delivery: request.delivery,
      intervalMs: request.intervalMs ?? 0,
      cursor: from,
      readBytes: this.limits.chunkBytes,
      failed: (error) => this.failed(channel, error),
    });
    sink.receipt(receiptOf(requested, from, bounds.latest, missed));
    channel.add(subscriber, bounds.latest, bounds.closed);
    return { kind: 'attached', subscription: subscriber };
  }

  demand(key: StreamKey, changed: (demand: Demand) => void): Disposable {
    if (this.#demands.has(key)) throw new TypeError('A stream has one listener for what is asked of it.');
    this.#demands.set(key, changed);
    this.#channels.get(key)?.schedule();
    return {
      [Symbol.dispose]: () => {
        if (this.#demands.get(key) === changed) this.#demands.delete(key);
      },
    };
  }

  drain(): void {
    this.#draining = true;
    for (const channel of [...this.#channels.values()]) channel.end('draining');
  }

  [Symbol.dispose](): void {
    this.drain();
  }

  emptied(channel: Channel): void {
    this.#channels.delete(channel.key);
  }

  demandOf(channel: Channel): ((demand: Demand) => void) | undefined {
    return this.#demands.get(channel.key);
  }

  dropped(count: number): void {
    this.#dropped += count;
  }

  failed(channel: Channel, error: unknown): void {
    this.#logger.error({ stream: channel.key, error }, 'reading from the log failed');
  }

  #channel(key: StreamKey): Channel {
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new Channel(key, this);
      this.#channels.set(key, channel);
    }
    return channel;
  }

  // Where delivery begins, and what of the request cannot be had (D-7).
  async #begin(request: AttachRequest, bounds: Bounds): Promise<Begin | undefined> {
    const { from, key, delivery } = request;
    const { start, latest } = bounds;
    if (from === 'start') return { requested: null, from: start, missed: 0 };
    if (from === 'live')
      return { requested: null, from: delivery === 'latest' ? newest(bounds) : latest, missed: 0 };
    // Older epochs are trimmed first: while one is left, the current epoch is whole.
    const oldest = start.epoch === latest.epoch ? start.offset : 0;
    if (from.epoch === latest.epoch && from.offset >= oldest && from.offset <= latest.offset) {
      return { requested: from, from, missed: 0 };
    }
    const slice = await this.log.read(key, from, { events: 1, bytes: 1 });
    switch (slice.kind) {
      case 'missing':
        return undefined;
      case 'events':
        return { requested: from, from, missed: 0 };
      case 'lost': {
        const resume = bounds.durability === 'volatile' ? newest(bounds) : slice.resume;
        return {
          requested: from,
          from: resume,
          missed: bounds.durability === 'volatile' ? null : slice.missed,
        };
      }
    }
  }

  #windowBytes(): number {
    let bytes = 0;
    for (const channel of this.#channels.values()) bytes += channel.windowBytes;
    return bytes;
  }

  #boundWindows(): void {
    if (this.#windowBytes() <= this.#totalWindowBytes) return;
    for (const channel of this.#channels.values()) channel.shrink();
  }
}

interface Begin {
  readonly requested: Position | null;
  readonly from: Position;
  readonly missed: number | null;
}

/** Before the newest event; the end of a stream that has none. */
function newest({ start, latest }: Bounds): Position {
  const offset = start.epoch === latest.epoch ? start.offset : 0;
  return { epoch: latest.epoch, offset: Math.max(offset, latest.offset - 1) };
}

function samePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset;
}
