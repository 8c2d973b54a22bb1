import { PlayheadError, type Position } from '@playhead/protocol';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { CHAIN_START } from '../chain.ts';
import { checkAppend, checkEvents } from '../check-append.ts';
import { epochs } from '../epochs.ts';
import type {
  Appended,
  AppendOptions,
  Bounds,
  Created,
  CreateOptions,
  Durability,
  EventLog,
  Forked,
  ForkOptions,
  Listed,
  ListQuery,
  LogEvent,
  ReadLimit,
  RetentionRule,
  Slice,
} from '../event-log.ts';
import { locate } from '../history.ts';
import { asOwn, lineageOf } from '../lineage.ts';
import { sequence } from '../sequence.ts';
import { nameOf, type StreamKey, tenantOf } from '../stream-key.ts';
import {
  checkRule,
  effectiveRule,
  isExpired,
  otherType,
  RETENTION_DEFAULTS,
  type RetentionDefaults,
  settingsOf,
} from '../stream-settings.ts';
import { Watchers } from '../watchers.ts';
import {
  addRow,
  boundsOf,
  dropOldest,
  eraseEvent,
  headAt,
  type MemoryStream,
  readRows,
  rememberWriter,
  rowsUpTo,
  sizeOf,
} from './memory-stream.ts';

export interface MemoryLogOptions {
  readonly clock?: Clock;
  /** What streams made here say they are. Default `durable`: it stands in for a durable engine. */
  readonly durability?: Durability;
  /** Whether the hash chain is kept, at some µs an event. Without it reads give no proof. Default true. */
  readonly proof?: boolean;
  /** What applies where a stream's own rule says nothing. */
  readonly retention?: RetentionDefaults;
  /** Bytes in all streams together; the oldest events go first. Default 1 GiB. */
  readonly maxBytes?: number;
  /** How often age and expiry are looked at, ms. Default 1,000. */
  readonly sweepEvery?: number;
}

/**
 * A log in memory: for tests, for volatile streams (D-1), and where nothing needs to outlive the process. Commits
 * at once, so that it never holds uncommitted bytes; what was asked for in one turn is applied in that order.
 */
export function createMemoryLog(options: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(options);
}

class MemoryLog implements EventLog {
  readonly #streams = new Map<StreamKey, MemoryStream>();
  /** Deleted ones whose forks are left (L9). */
  readonly #graves = new Map<StreamKey, MemoryStream>();
  readonly #watchers = new Watchers();
  readonly #clock: Clock;
  readonly #epoch: () => string;
  readonly #durability: Durability;
  readonly #proof: boolean;
  readonly #retention: RetentionDefaults;
  readonly #maxBytes: number;
  readonly #sweeper: Disposable;
  #bytes = 0;
  #disposed = false;

  constructor(options: MemoryLogOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#epoch = epochs(() => this.#clock.now());
    this.#durability = options.durability ?? 'durable';
    this.#proof = options.proof ?? true;
    this.#retention = options.retention ?? RETENTION_DEFAULTS;
    this.#maxBytes = options.maxBytes ?? 2 ** 30;
    this.#sweeper = this.#clock.every(options.sweepEvery ?? 1_000, () => this.#sweep());
  }

  async create(key: StreamKey, options: CreateOptions = {}): Promise<Created> {
    const settings = settingsOf(options, this.#durability);
    const events = options.events ?? [];
    checkEvents(events);
    const known = this.#find(key);
    if (known !== undefined) return { kind: 'exists', bounds: boundsOf(known) };
    if (this.#graves.has(key)) return { kind: 'gone' };
    const now = this.#clock.now();
    const closed = options.closed === true;
    const stream: MemoryStream = {
      key,
      settings,
      tip: { epoch: this.#epoch(), latest: 0, time: now, closed, ordinal: undefined },
      rows: [],
      earliest: 1,
      bytes: 0,
      createdAt: now,
      touched: now,
      writers: new Map(),
      forkedFrom: undefined,
      lineage: undefined,
      parent: undefined,
      forks: new Set(),
      head: CHAIN_START,
    };
    this.#streams.set(key, stream);
    if (events.length > 0) {
      stream.tip = { ...stream.tip, latest: events.length };
      this.#add(stream, events);
    }
    this.#watchers.tell(key);
    return { kind: 'created', bounds: boundsOf(stream) };
  }

  async append(key: StreamKey, events: readonly LogEvent[], options: AppendOptions = {}): Promise<Appended> {
    const { guard, close = false, ordinal } = options;
    checkAppend(events, options);
    const stream = this.#find(key);
    if (stream === undefined) return { kind: 'missing' };
    const now = this.#clock.now();
    const writer = guard?.kind === 'writer' ? stream.writers.get(guard.id) : undefined;
    const decision = sequence(stream.tip, writer, {
      count: events.length,
      close,
      guard,
      now,
      ordinal,
      otherType: otherType(stream.settings, options.mediaType),
    });
    if (decision.kind === 'answer') return decision.answer;
    const { tip, first } = decision;
    stream.tip = tip;
    stream.touched = now;
    if (guard?.kind === 'writer' && decision.writer !== undefined)
      rememberWriter(stream, guard.id, decision.writer);
    if (events.length > 0) this.#add(stream, events);
    this.#watchers.tell(key, close ? undefined : tip.latest);
    return { kind: 'appended', position: { epoch: tip.epoch, offset: tip.latest }, first, time: tip.time };
  }

  async read(key: StreamKey, after: Position, limit: ReadLimit): Promise<Slice> {
    const stream = this.#find(key);
    if (stream === undefined) return { kind: 'missing' };
    stream.touched = this.#clock.now();
    const { epoch, latest: newest, closed } = stream.tip;
    const latest: Position = { epoch, offset: newest };
    const own = asOwn(after, stream.lineage);
    const place = locate([{ epoch, earliest: stream.earliest, latest: newest }], own);
    if (place.kind === 'lost') return { ...place, latest };
    if (place.kind === 'end') return { kind: 'events', batches: [], next: own, latest, closed };
    const batches = readRows(stream, epoch, own.offset, limit);
    const last = batches.at(-1);
    const offset = last === undefined ? own.offset : last.first + last.events.length - 1;
    return { kind: 'events', batches, next: { epoch, offset }, latest, closed: closed && offset === newest };
  }

  async bounds(key: StreamKey): Promise<Bounds | undefined> {
    const stream = this.#find(key);
    return stream === undefined ? undefined : boundsOf(stream);
  }

  watch(key: StreamKey, moved: (latest?: number) => void): Disposable {
    return this.#watchers.add(key, moved);
  }

  watchAll(moved: (key: StreamKey, latest?: number) => void): Disposable {
    return this.#watchers.addToAll(moved);
  }

  async retain(key: StreamKey, rule: RetentionRule): Promise<boolean> {
    checkRule(rule);
    const stream = this.#find(key);
    if (stream === undefined) return false;
    stream.settings = { ...stream.settings, rule };
    if (this.#trim(stream)) this.#watchers.tell(key);
    return true;
  }

  async close(key: StreamKey): Promise<boolean> {
    const stream = this.#find(key);
    if (stream === undefined) return false;
    stream.tip = { ...stream.tip, closed: true };
    this.#watchers.tell(key);
    return true;
  }

  async delete(key: StreamKey): Promise<boolean> {
    const stream = this.#find(key);
    if (stream === undefined) return false;
    this.#remove(stream);
    return true;
  }

  async gone(key: StreamKey): Promise<boolean> {
    return this.#find(key) === undefined && this.#graves.has(key);
  }

  async fork(
    source: StreamKey,
    wanted: Position,
    target: StreamKey,
    options: ForkOptions = {},
  ): Promise<Forked> {
    const events = options.events ?? [];
    checkEvents(events);
    const origin = this.#find(source);
    if (origin === undefined) return { kind: 'missing' };
    const settings = settingsOf({ contentType: origin.settings.contentType, ...options }, this.#durability);
    const known = this.#find(target);
    if (known !== undefined) return { kind: 'exists', bounds: boundsOf(known) };
    if (this.#graves.has(target)) return { kind: 'gone' };
    const { epoch, latest } = origin.tip;
    const at = asOwn(wanted, origin.lineage);
    if (at.epoch !== epoch || at.offset < origin.earliest - 1 || at.offset > latest) return { kind: 'lost' };
    const now = this.#clock.now();
    const rows = rowsUpTo(origin, at.offset);
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    const own = this.#epoch();
    const { part, closed = false } = options;
    const stream: MemoryStream = {
      key: target,
      settings,
      tip: {
        ...{ epoch: own, latest: at.offset, closed, ordinal: undefined },
        time: rows.at(-1)?.time ?? now,
      },
      rows,
      earliest: Math.min(origin.earliest, at.offset + 1),
      bytes,
      createdAt: now,
      touched: now,
      writers: new Map(),
      forkedFrom: { source, at, ...(part === undefined ? {} : { part }) },
      lineage: lineageOf(own, at, origin.lineage),
      parent: origin,
      forks: new Set(),
      head: headAt(origin, at.offset),
    };
    origin.forks.add(stream);
    origin.touched = now;
    this.#streams.set(target, stream);
    // Shared rows are counted once for each stream that holds them: the bound errs on the safe side.
    this.#bytes += bytes;
    if (events.length > 0) {
      stream.tip = { ...stream.tip, latest: at.offset + events.length, time: Math.max(now, stream.tip.time) };
      this.#add(stream, events);
    }
    this.#watchers.tell(target);
    return { kind: 'created', bounds: boundsOf(stream) };
  }

  async list(query: ListQuery): Promise<readonly Listed[]> {
    const { tenant, prefix = '', after = '', limit } = query;
    const now = this.#clock.now();
    const found = [...this.#streams.values()].filter(({ key, settings, touched }) => {
      const name = nameOf(key);
      return (
        tenantOf(key) === tenant &&
        name > after &&
        name.startsWith(prefix) &&
        !isExpired(settings, touched, now)
      );
    });
    found.sort((a, b) => (a.key < b.key ? -1 : 1));
    return found.slice(0, limit).map((stream) => ({ key: stream.key, bounds: boundsOf(stream) }));
  }

  async redact(key: StreamKey, at: Position): Promise<boolean> {
    const stream = this.#find(key);
    if (stream === undefined || at.epoch !== stream.tip.epoch || !eraseEvent(stream, at.offset)) return false;
    this.#watchers.tell(key);
    return true;
  }

  room(): undefined {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#sweeper[Symbol.dispose]();
    this.#streams.clear();
    this.#graves.clear();
  }

  #find(key: StreamKey): MemoryStream | undefined {
    if (this.#disposed) throw new PlayheadError('draining', 'The log is closed.');
    const stream = this.#streams.get(key);
    if (stream === undefined) return undefined;
    if (!isExpired(stream.settings, stream.touched, this.#clock.now())) return stream;
    this.#remove(stream);
    return undefined;
  }

  #add(stream: MemoryStream, events: readonly LogEvent[]): void {
    addRow(stream, events, stream.tip, this.#proof);
    this.#bytes += sizeOf(events);
    this.#trim(stream);
    if (this.#bytes > this.#maxBytes) this.#trimOldest(stream);
  }

  /** By the stream's own rule; the newest batch stays, whatever its size. True if anything went. */
  #trim(stream: MemoryStream): boolean {
    const { maxAge, maxBytes } = effectiveRule(stream.settings.rule, this.#retention);
    const horizon = maxAge === null ? Number.NEGATIVE_INFINITY : this.#clock.now() - maxAge;
    const before = stream.bytes;
    for (let row = stream.rows[0]; row !== undefined; row = stream.rows[0]) {
      if (row.time >= horizon && (stream.bytes <= maxBytes || stream.rows.length === 1)) break;
      dropOldest(stream);
    }
    this.#bytes -= before - stream.bytes;
    return stream.bytes < before;
  }

  /** Over the bound of all streams: the stream with the oldest events loses them, until half a step of room is made. */
  #trimOldest(busy: MemoryStream): void {
    const goal = this.#maxBytes * 0.9;
    while (this.#bytes > goal) {
      let oldest: MemoryStream | undefined;
      for (const stream of this.#streams.values()) {
        const row = stream.rows[0];
        if (row === undefined || (stream === busy && stream.rows.length === 1)) continue;
        if (oldest === undefined || row.time < (oldest.rows[0]?.time ?? 0)) oldest = stream;
      }
      if (oldest === undefined) return;
      const before = oldest.bytes;
      dropOldest(oldest);
      this.#bytes -= before - oldest.bytes;
      this.#watchers.tell(oldest.key);
    }
  }

  #remove(stream: MemoryStream): void {
    this.#streams.delete(stream.key);
    this.#bytes -= stream.bytes;
    if (stream.forks.size === 0) this.#forget(stream);
    else {
      stream.rows = [];
      stream.bytes = 0;
      stream.writers.clear();
      this.#graves.set(stream.key, stream);
    }
    this.#watchers.tell(stream.key);
  }

  /** Gives up a name that no fork needs any more, and those that it was forked from, if that was the last. */
  #forget(stream: MemoryStream): void {
    this.#graves.delete(stream.key);
    const { parent } = stream;
    if (parent === undefined) return;
    parent.forks.delete(stream);
    if (parent.forks.size === 0 && this.#graves.get(parent.key) === parent) this.#forget(parent);
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const stream of this.#streams.values()) {
      if (isExpired(stream.settings, stream.touched, now)) this.#remove(stream);
      else if (this.#trim(stream)) this.#watchers.tell(stream.key);
    }
  }
}
