import type { Position } from '@playhead/protocol';
import type { Demand, Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { FRAME } from '../frame-message.ts';
import type { FrameStream } from '../frames.ts';
import type { Feed, Place, Taker } from './feed.ts';

export interface StreamParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long filming goes on after the last viewer, ms. */
  readonly lingerMs: number;
  readonly viewers: ((count: number) => void) | undefined;
  readonly placed: ((message: Uint8Array, position: Position) => void) | undefined;
  closed(stream: LiveStream): void;
}

interface Sent {
  readonly offset: number;
  readonly number: number;
}

/** A frame that nobody has taken is forgotten once so many follow it. */
const REMEMBERED = 64;

/** A stream of frames: takes those of its feed while it has viewers, and tells the feed how far the fastest is. */
export class LiveStream implements FrameStream, Taker {
  readonly key: StreamKey;
  readonly #parts: StreamParts;
  readonly #listening: Disposable;
  #feed: Feed | undefined;
  #place: Place | undefined;
  #demand: Demand = { viewers: 0, intervalMs: 0, taken: 0 };
  #linger: Disposable | undefined;
  /** Frames on their way, by the events that they are. */
  #sent: Sent[] = [];
  /** Of the newest event; 0 if there was none, or it was erased. */
  #newest = 0;
  #epoch = '';
  #closed = false;

  constructor(key: StreamKey, parts: StreamParts) {
    this.key = key;
    this.#parts = parts;
    this.#listening = parts.hub.demand(key, (demand) => this.#asked(demand));
  }

  get intervalMs(): number {
    return this.#demand.intervalMs;
  }

  show(feed: Feed | null): void {
    const next = feed ?? undefined;
    if (this.#closed || next === this.#feed) return;
    const watched = this.#place !== undefined || this.#demand.viewers > 0;
    this.#leave();
    this.#feed = next;
    if (watched) this.#join();
  }

  put(message: Uint8Array, number: number): void {
    const feed = this.#feed;
    this.#parts.hub.append(this.key, [{ type: FRAME, data: message }]).then(
      (appended) => {
        if (appended.kind !== 'appended') return;
        const { epoch, offset } = appended.position;
        this.#epoch = epoch;
        this.#newest = offset;
        this.#parts.placed?.(message, appended.position);
        // Those of an earlier feed are nothing to this one.
        if (feed === this.#feed) this.#sent.push({ offset, number });
        if (this.#sent.length > REMEMBERED) this.#sent.shift();
        // Nobody watches any more.
        if (this.#place === undefined) this.#erase();
      },
      (error: unknown) => this.#parts.logger.error({ stream: this.key, err: error }, 'a frame was lost'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listening[Symbol.dispose]();
    this.#linger?.[Symbol.dispose]();
    this.#leave();
    this.#feed = undefined;
    this.#parts.closed(this);
    await this.#parts.log.delete(this.key);
  }

  #asked(demand: Demand): void {
    const before = this.#demand;
    this.#demand = demand;
    this.#parts.viewers?.(demand.viewers);
    if (demand.viewers === 0) {
      this.#linger ??= this.#parts.clock.after(this.#parts.lingerMs, () => {
        this.#linger = undefined;
        this.#leave();
        this.#erase();
      });
      return;
    }
    this.#linger?.[Symbol.dispose]();
    this.#linger = undefined;
    if (this.#place === undefined) this.#join();
    if (demand.intervalMs !== before.intervalMs) this.#place?.paced();
    this.#tell();
  }

  #tell(): void {
    let taken = 0;
    while (this.#sent[0] !== undefined && this.#sent[0].offset <= this.#demand.taken)
      taken = this.#sent.shift()?.number ?? taken;
    if (taken > 0) this.#place?.taken(taken);
  }

  #join(): void {
    this.#place = this.#feed?.join(this);
  }

  #leave(): void {
    this.#place?.[Symbol.dispose]();
    this.#place = undefined;
    this.#sent = [];
  }

  // Whoever comes next begins with a new frame, not with how things were long ago; and nothing is held meanwhile.
  #erase(): void {
    if (this.#newest === 0 || this.#closed) return;
    const at = { epoch: this.#epoch, offset: this.#newest };
    this.#newest = 0;
    this.#parts.log.redact(this.key, at).catch((error: unknown) => {
      this.#parts.logger.error({ stream: this.key, err: error }, 'a frame could not be erased');
    });
  }
}
