import type { Epoch, Position } from '@playhead/protocol';
import type { Batch } from '../log/event-log.ts';
import type { Encoding } from './hub.ts';

/** Bytes for a subscriber: everything behind its cursor up to and with `next`. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly next: number;
}

interface KeptChunk extends Chunk {
  readonly tail: Tail;
}

/** What is known of the place behind the window's latest event. */
export interface Tail {
  /** Nothing that was committed follows it. */
  readonly live: boolean;
  /** The stream is closed there. */
  readonly closed: boolean;
}

interface Entry {
  readonly batch: Batch;
  readonly last: number;
  /** Held in memory for this batch: its data, and its encoded form once someone asked for it. */
  bytes: number;
  encoding: Encoding | undefined;
  encoded: Uint8Array | undefined;
}

/** More distinct cursors than this in one turn are encoded anew: kept chunks must not outweigh the window. */
const KEPT_CHUNKS = 16;

/** What an event costs beside its data: its objects, roughly. */
const EVENT_OVERHEAD = 64;

/**
 * The newest events of one stream, in memory, shared by all its subscribers: without a hole, in one epoch, and
 * bounded in bytes (the newest batch stays, whatever its size). Batches are encoded once per wire format, and
 * subscribers at the same cursor get the same chunk object.
 */
export class Window {
  readonly #limit: number;
  readonly #chunkBytes: number;
  #epoch: Epoch;
  #latest: number;
  // A queue: entries before #head are gone. Shifting an array by one for each batch would cost its length.
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  readonly #chunks = new Map<Encoding, Map<number, KeptChunk>>();
  #kept = 0;

  /** An empty window that stands at `latest`. `chunkBytes`: a chunk beyond it ends with the batch it is in. */
  constructor(latest: Position, limit: number, chunkBytes: number) {
    this.#epoch = latest.epoch;
    this.#latest = latest.offset;
    this.#limit = limit;
    this.#chunkBytes = chunkBytes;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Offset of the newest event that the window knows of: the one subscribers are led to. */
  get latest(): number {
    return this.#latest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether everything behind this offset is here. True also for the latest offset of an empty window. */
  covers(after: number): boolean {
    const first = this.#entries[this.#head];
    return after <= this.#latest && after >= (first === undefined ? this.#latest : first.batch.first - 1);
  }

  /**
   * Takes a committed batch if it follows directly on the newest event: then true. One that is known already is
   * ignored (true as well). False means that events in between are missing here, or that the epoch is another.
   */
  offer(batch: Batch): boolean {
    if (batch.epoch !== this.#epoch || batch.first > this.#latest + 1) return false;
    const last = batch.first + batch.events.length - 1;
    if (last <= this.#latest) return true;
    const fresh = batch.first <= this.#latest ? clip(batch, this.#latest) : batch;
    const bytes = weigh(fresh);
    this.#entries.push({ batch: fresh, last, bytes, encoding: undefined, encoded: undefined });
    this.#latest = last;
    this.#bytes += bytes;
    this.#forgetChunks();
    this.#trim(this.#limit);
    return true;
  }

  /** Forgets everything and stands at another position. */
  reset(latest: Position): void {
    this.#epoch = latest.epoch;
    this.#latest = latest.offset;
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#forgetChunks();
  }

  /** Gives back all but the newest batch. */
  shrink(): void {
    this.#trim(0);
  }

  /** What follows `after`, which the window covers and which is not its latest. */
  chunk(encoding: Encoding, after: number, tail: Tail): Chunk {
    let kept = this.#chunks.get(encoding);
    const known = kept?.get(after);
    // What a chunk says of its end must still be so.
    if (known !== undefined && known.tail.live === tail.live && known.tail.closed === tail.closed)
      return known;
    const chunk = this.#assemble(encoding, after, tail);
    if (kept === undefined) {
      kept = new Map();
      this.#chunks.set(encoding, kept);
    }
    if (known === undefined) {
      if (this.#kept >= KEPT_CHUNKS) return chunk;
      this.#kept++;
    }
    kept.set(after, chunk);
    return chunk;
  }

  #assemble(encoding: Encoding, after: number, tail: Tail): KeptChunk {
    const parts: Uint8Array[] = [];
    let size = 0;
    let next = after;
    for (let i = this.#find(after + 1); i < this.#entries.length && size < this.#chunkBytes; i++) {
      const entry = this.#entries[i];
      if (entry === undefined) break;
      const part =
        entry.batch.first > after
          ? this.#encoded(entry, encoding)
          : encoding.encode(clip(entry.batch, after));
      parts.push(part);
      size += part.length;
      next = entry.last;
    }
    const last = next === this.#latest;
    const end = {
      next: { epoch: this.#epoch, offset: next },
      live: last && tail.live,
      closed: last && tail.closed,
    };
    return { bytes: encoding.frame(parts, end), next, tail };
  }

  // One encoded form is kept per batch: that of the format which asked first. Streams are watched in one format
  // nearly always, and the chunk shared within a turn serves the others.
  #encoded(entry: Entry, encoding: Encoding): Uint8Array {
    if (entry.encoding === encoding && entry.encoded !== undefined) return entry.encoded;
    const encoded = encoding.encode(entry.batch);
    if (entry.encoding === undefined) {
      entry.encoding = encoding;
      entry.encoded = encoded;
      entry.bytes += encoded.length;
      this.#bytes += encoded.length;
    }
    return encoded;
  }

  /** Index of the entry that holds an offset: a binary search, because entries have no holes. */
  #find(offset: number): number {
    let low = this.#head;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.last ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #trim(limit: number): void {
    while (this.#bytes > limit && this.#head < this.#entries.length - 1) {
      this.#bytes -= this.#entries[this.#head]?.bytes ?? 0;
      this.#entries[this.#head] = undefined;
      this.#head++;
    }
    // Compacting once half of the array is gone costs a constant per batch in the long run.
    if (this.#head > 32 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #forgetChunks(): void {
    if (this.#kept === 0) return;
    this.#chunks.clear();
    this.#kept = 0;
  }
}

/** The part of a batch behind an offset inside it. */
function clip(batch: Batch, after: number): Batch {
  const { epoch, first, time, events } = batch;
  return after < first ? batch : { epoch, first: after + 1, time, events: events.slice(after + 1 - first) };
}

function weigh(batch: Batch): number {
  let bytes = 0;
  for (const event of batch.events) bytes += (event.data?.length ?? 0) + EVENT_OVERHEAD;
  return bytes;
}
