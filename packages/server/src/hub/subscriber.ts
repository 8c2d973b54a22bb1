import type { Epoch, Position } from '@playhead/protocol';
import type { EventLog, Slice } from '../log/event-log.ts';
import { type Channel, receiptOf } from './channel.ts';
import type { EndReason, Sink, Subscription } from './hub.ts';
import type { Tail, Window } from './window.ts';

/** How much a subscriber behind the window reads from the engine at once. */
const READ_EVENTS = 2048;

/**
 * A cursor over one stream, and where its bytes go.
 *
 *            writable and behind                    sink says no
 *   READY ─────────────────────────▶ write a chunk ──────────────▶ BLOCKED ──resume──▶ READY
 *     │ behind the window
 *     └────────▶ READING (one engine read) ──▶ write ──▶ READY or BLOCKED
 *     │ at the end of a closed stream, or ended from outside
 *     └────────▶ ENDED
 */
export class Subscriber implements Subscription {
  readonly #channel: Channel;
  readonly #log: EventLog;
  readonly #sink: Sink;
  /** Whether it wants the newest event only. */
  readonly latestOnly: boolean;
  /** Between two writes, at least. */
  readonly intervalMs: number;
  readonly #readBytes: number;
  readonly #failed: (error: unknown) => void;
  #epoch: Epoch;
  #offset: number;
  #dropped = 0;
  /** Nothing is written before this time. */
  #notBefore = 0;
  #pause: NodeJS.Timeout | undefined;
  #state: 'READY' | 'BLOCKED' | 'READING' | 'ENDED' = 'READY';

  constructor(parts: SubscriberParts) {
    this.#channel = parts.channel;
    this.#log = parts.log;
    this.#sink = parts.sink;
    this.latestOnly = parts.delivery === 'latest';
    this.intervalMs = this.latestOnly ? parts.intervalMs : 0;
    this.#readBytes = parts.readBytes;
    this.#failed = parts.failed;
    this.#epoch = parts.cursor.epoch;
    this.#offset = parts.cursor.offset;
  }

  get cursor(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  get dropped(): number {
    return this.#dropped;
  }

  resume(): void {
    if (this.#state !== 'BLOCKED') return;
    this.#state = 'READY';
    this.#channel.schedule();
  }

  /** Detaches: the sink hears nothing more. */
  [Symbol.dispose](): void {
    if (this.#state === 'ENDED') return;
    this.#state = 'ENDED';
    clearTimeout(this.#pause);
    this.#channel.remove(this);
  }

  /** Tells the sink that this is all, and detaches. */
  end(reason: EndReason): void {
    if (this.#state === 'ENDED') return;
    this[Symbol.dispose]();
    this.#sink.end(reason);
  }

  /**
   * Writes at most one chunk, if there is one and the sink takes it. True if there is more to write at once.
   * `tail.closed`: the window's latest event is the stream's last.
   */
  advance(window: Window, tail: Tail): boolean {
    if (this.#state !== 'READY') return false;
    const { closed } = tail;
    if (this.#epoch === window.epoch) {
      if (this.#offset === window.latest) {
        if (closed) this.end('finished');
        return false;
      }
      if (this.#mustPause()) return false;
      if (this.latestOnly && this.#offset < window.latest - 1) this.#skipTo(window.latest - 1);
      if (window.covers(this.#offset)) {
        const chunk = window.chunk(this.#sink.encoding, this.#offset, tail);
        this.#offset = chunk.next;
        return this.#write(chunk.bytes) && (closed || this.#offset < window.latest);
      }
    }
    this.#read();
    return false;
  }

  #skipTo(offset: number): void {
    this.#dropped += offset - this.#offset;
    this.#channel.dropped(offset - this.#offset);
    this.#offset = offset;
  }

  #mustPause(): boolean {
    if (this.intervalMs === 0) return false;
    const left = this.#notBefore - performance.now();
    if (left <= 0) return false;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#channel.schedule();
    }, Math.ceil(left));
    return true;
  }

  /** Whether the sink takes more. */
  #write(bytes: Uint8Array): boolean {
    if (this.intervalMs > 0) {
      const now = performance.now();
      // In step with the last write, so that late timers do not add up.
      const step = this.#notBefore + this.intervalMs;
      this.#notBefore = step > now ? step : now + this.intervalMs;
    }
    if (this.#sink.write(bytes)) return true;
    if (this.#state === 'READY') this.#state = 'BLOCKED';
    return false;
  }

  // Backpressure is "do not read yet": the next read begins only when this one was written and the sink has room.
  #read(): void {
    this.#state = 'READING';
    const limit = { events: READ_EVENTS, bytes: this.#readBytes };
    this.#log.read(this.#channel.key, this.cursor, limit).then(
      (slice) => {
        if (this.#state === 'ENDED') return;
        this.#state = 'READY';
        this.#take(slice);
      },
      (error: unknown) => {
        this.#failed(error);
        this.end('failed');
      },
    );
  }

  #take(slice: Slice): void {
    switch (slice.kind) {
      case 'events': {
        const { encoding } = this.#sink;
        this.#epoch = slice.next.epoch;
        this.#offset = slice.next.offset;
        if (slice.batches.length > 0) {
          const { next, latest, closed } = slice;
          const live = next.epoch === latest.epoch && next.offset === latest.offset;
          const parts = slice.batches.map((batch) => encoding.encode(batch));
          this.#write(encoding.frame(parts, { next, live, closed }));
        }
        if (slice.closed) this.end('finished');
        else this.#channel.schedule();
        return;
      }
      case 'lost': {
        const requested = this.cursor;
        this.#epoch = slice.resume.epoch;
        this.#offset = slice.resume.offset;
        this.#sink.receipt(receiptOf(requested, slice.resume, slice.latest, slice.missed));
        this.#channel.schedule();
        return;
      }
      case 'missing':
        this.end('deleted');
        return;
    }
  }
}

export interface SubscriberParts {
  readonly channel: Channel;
  readonly log: EventLog;
  readonly sink: Sink;
  readonly delivery: 'every' | 'latest';
  readonly intervalMs: number;
  readonly cursor: Position;
  /** Bytes of one engine read, approximately. */
  readonly readBytes: number;
  readonly failed: (error: unknown) => void;
}
