import { PlayheadError, type Position } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import { checkAppend, checkEvents } from '../check-append.ts';
import { epochs } from '../epochs.ts';
import type {
  Appended,
  AppendOptions,
  Bounds,
  Created,
  CreateOptions,
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
import { sequence, type WriterTip } from '../sequence.ts';
import { type StreamKey, streamKeyOf } from '../stream-key.ts';
import { checkRule, isExpired, otherType, settingsOf, type StreamSettings } from '../stream-settings.ts';
import { Watchers } from '../watchers.ts';
import { CommitQueue } from './commit-queue.ts';
import { Forks } from './forks.ts';
import { listStreams } from './list-streams.ts';
import type { Change, FromWriter } from './messages.ts';
import { readSlice } from './read-slice.ts';
import type { SqliteParts } from './sqlite-parts.ts';
import { ReaderPool } from './reader-pool.ts';
import { RetentionRounds } from './retention-rounds.ts';
import {
  baseOf,
  boundsOf,
  currentOf,
  forkConfig,
  type ForkOf,
  forkOf,
  newState,
  rememberWriter,
  type StreamState,
} from './stream-state.ts';
import { type Entry, StreamTable } from './stream-table.ts';
import { openTakenNames } from './taken-names.ts';

/**
 * The main thread of the engine: decides every append by what it knows, hands it to the writer, and answers once
 * it is committed. What it knows runs ahead of what is committed; should a commit fail, it forgets all of it and
 * learns anew from the database.
 */
export class SqliteLog implements EventLog {
  readonly #clock: Clock;
  readonly #lock: Disposable;
  readonly #queue: CommitQueue;
  readonly #readers: ReaderPool;
  readonly #table: StreamTable;
  readonly #forks: Forks;
  readonly #watchers = new Watchers();
  readonly #epoch: () => string;
  readonly #rounds: RetentionRounds;
  #nextStream: number;
  #nextSegment: number;
  #disposed: Promise<void> | undefined;

  static async open(parts: SqliteParts): Promise<SqliteLog> {
    const opened: SqliteLog[] = [];
    const { queue, ready } = await CommitQueue.open(parts.data, {
      bound: parts.uncommittedBytes,
      onFailed: (error) => {
        for (const log of opened) log.#forget(error);
      },
      onSwept: (swept) => {
        for (const log of opened) log.#rounds.swept(swept);
      },
    });
    const log = new SqliteLog(parts, queue, ready);
    opened.push(log);
    return log;
  }

  private constructor(parts: SqliteParts, queue: CommitQueue, ready: Extract<FromWriter, { kind: 'ready' }>) {
    this.#clock = parts.clock;
    this.#lock = parts.lock;
    this.#queue = queue;
    this.#readers = new ReaderPool(parts.data.folder, parts.readers);
    this.#table = new StreamTable(this.#readers, openTakenNames(parts.data.folder), parts.streamsInMemory);
    this.#forks = new Forks(this.#table, queue);
    this.#epoch = epochs(() => this.#clock.now(), ready.lastEpoch);
    this.#nextStream = ready.nextStream;
    this.#nextSegment = ready.nextSegment;
    this.#rounds = new RetentionRounds(queue, this.#clock, parts.sweepEvery, {
      trimmed: (trim) => {
        const key = this.#table.trimmed(trim);
        if (key !== undefined) this.#watchers.tell(key);
      },
      // To look at it is to delete it, in its turn.
      expired: (key) => void this.bounds(streamKeyOf(key)).catch(toldElsewhere),
    });
  }

  async create(key: StreamKey, options: CreateOptions = {}): Promise<Created> {
    const settings = settingsOf(options, 'durable');
    checkEvents(options.events ?? []);
    return this.#on(key, async (entry) => {
      const taken = this.#taken(entry);
      if (taken !== undefined) return taken;
      const state = this.#make(entry, settings, options, undefined);
      return this.#answer(entry, () => this.#created(state));
    });
  }

  append(key: StreamKey, events: readonly LogEvent[], options: AppendOptions = {}): Promise<Appended> {
    try {
      checkAppend(events, options);
      return this.#on(key, (entry) => this.#append(entry, events, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  read(key: StreamKey, after: Position, limit: ReadLimit): Promise<Slice> {
    return this.#on(key, async (entry) => {
      const state = await this.#visible(entry);
      if (state === undefined) return { kind: 'missing' };
      this.#touch(state);
      return readSlice(state, this.#readers, after, limit);
    });
  }

  bounds(key: StreamKey): Promise<Bounds | undefined> {
    return this.#on(key, async (entry) => {
      const state = await this.#visible(entry);
      return state === undefined ? undefined : boundsOf(state);
    });
  }

  watch(key: StreamKey, moved: (latest?: number) => void): Disposable {
    return this.#watchers.add(key, moved);
  }

  watchAll(moved: (key: StreamKey, latest?: number) => void): Disposable {
    return this.#watchers.addToAll(moved);
  }

  async retain(key: StreamKey, rule: RetentionRule): Promise<boolean> {
    checkRule(rule);
    return this.#on(key, async (entry) => {
      const state = this.#find(entry);
      if (state === undefined) return false;
      state.config = { ...state.config, settings: { ...state.config.settings, rule } };
      this.#queue.change({ op: 'configure', id: state.id, config: state.config });
      return this.#answer(entry, () => true);
    });
  }

  close(key: StreamKey): Promise<boolean> {
    return this.#on(key, async (entry) => {
      const state = this.#find(entry);
      if (state === undefined) return false;
      state.tip = { ...state.tip, closed: true };
      this.#queue.change({ op: 'close', id: state.id });
      return this.#answer(entry, this.#settling(state, true));
    });
  }

  delete(key: StreamKey): Promise<boolean> {
    return this.#on(key, async (entry) => {
      const state = this.#find(entry);
      return state !== undefined && this.#remove(entry, state);
    });
  }

  gone(key: StreamKey): Promise<boolean> {
    return this.#on(key, async (entry) => {
      const gone = this.#find(entry) === undefined && entry.grave !== undefined;
      return this.#answer(entry, () => gone);
    });
  }

  async fork(source: StreamKey, at: Position, target: StreamKey, options: ForkOptions = {}): Promise<Forked> {
    checkEvents(options.events ?? []);
    if (source === target) {
      const bounds = await this.bounds(target);
      return bounds === undefined ? { kind: 'missing' } : { kind: 'exists', bounds };
    }
    return this.#on(target, async (entry) => {
      return this.#forks.between(source, entry, (origin) => this.#fork(origin, at, entry, options));
    });
  }

  list(query: ListQuery): Promise<readonly Listed[]> {
    return listStreams(this.#readers, (key) => this.bounds(key), query);
  }

  redact(key: StreamKey, at: Position): Promise<boolean> {
    return this.#on(key, async (entry) => {
      const state = this.#find(entry);
      const segment = state?.segments.find(({ epoch }) => epoch === at.epoch);
      if (state === undefined || segment === undefined || at.offset < segment.earliest) return false;
      const latest = segment === currentOf(state) ? state.tip.latest : segment.latest;
      const source = segment.sources.find(({ last }) => last >= at.offset);
      if (at.offset > latest || source === undefined) return false;
      this.#queue.change({ op: 'erase', segment: source.segment, offset: at.offset });
      return this.#answer(entry, () => {
        this.#watchers.tell(key);
        return true;
      });
    });
  }

  room(): Promise<void> | undefined {
    return this.#queue.room();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    this.#rounds[Symbol.dispose]();
    this.#table[Symbol.dispose]();
    await this.#readers[Symbol.asyncDispose]();
    await this.#queue.stop();
    this.#lock[Symbol.dispose]();
  }

  #on<T>(key: StreamKey, call: (entry: Entry) => Promise<T>): Promise<T> {
    if (this.#disposed !== undefined)
      return Promise.reject(new PlayheadError('draining', 'The log is closed.'));
    return this.#table.on(key, call);
  }

  /** An answer that holds once everything it was decided by is committed. `settle` makes it then. */
  #answer<T>(entry: Entry, settle: () => T): Promise<T> {
    entry.pending += 1;
    return new Promise((resolve, reject) => {
      this.#queue.wait({
        committed: () => {
          entry.pending -= 1;
          resolve(settle());
        },
        failed: reject,
      });
    });
  }

  #append(entry: Entry, events: readonly LogEvent[], options: AppendOptions): Promise<Appended> {
    const { guard, close = false, ordinal } = options;
    const state = this.#find(entry);
    if (state === undefined) return Promise.resolve({ kind: 'missing' });
    this.#queue.check();
    const now = this.#clock.now();
    const writer = guard?.kind === 'writer' ? state.writers.get(guard.id) : undefined;
    const decision = sequence(state.tip, writer, {
      count: events.length,
      close,
      guard,
      now,
      ordinal,
      otherType: otherType(state.config.settings, options.mediaType),
    });
    if (decision.kind === 'answer') {
      const { answer } = decision;
      return entry.pending === 0 ? Promise.resolve(answer) : this.#answer(entry, () => answer);
    }
    const { tip, first } = decision;
    this.#write(state, first, events, tip.time);
    state.tip = tip;
    if (close) this.#queue.change({ op: 'close', id: state.id });
    if (ordinal !== undefined) this.#queue.change({ op: 'ordinal', id: state.id, ordinal });
    if (guard?.kind === 'writer' && decision.writer !== undefined)
      this.#remember(state, guard.id, decision.writer);
    this.#touch(state);
    const position: Position = { epoch: tip.epoch, offset: tip.latest };
    return this.#answer(
      entry,
      this.#settling(state, { kind: 'appended', position, first, time: tip.time } as const),
    );
  }

  #write(state: StreamState, first: number, events: readonly LogEvent[], time: number): void {
    if (events.length === 0) return;
    state.total += this.#queue.batch(currentOf(state).id, state.total, first, time, events);
  }

  /** Shows readers what was sequenced when this was called, and gives `value`. */
  #settling<T>(state: StreamState, value: T): () => T {
    const { tip, total } = state;
    return () => {
      const { closed } = state.seen.tip;
      state.seen = { tip, total };
      this.#watchers.tell(state.key, tip.closed && !closed ? undefined : tip.latest);
      return value;
    };
  }

  #created(state: StreamState): Created {
    this.#watchers.tell(state.key);
    return { kind: 'created', bounds: boundsOf(state) };
  }

  #remember(state: StreamState, id: string, tip: WriterTip): void {
    const forgotten = rememberWriter(state, id, tip);
    this.#queue.change({ op: 'writer', id: state.id, writer: id, tip });
    if (forgotten !== undefined) this.#queue.change({ op: 'forget', id: state.id, writer: forgotten });
  }

  /** Makes a stream, as sequenced; it is live once committed. */
  #make(entry: Entry, settings: StreamSettings, options: ForkOptions, from: ForkOf | undefined): StreamState {
    this.#queue.check();
    const now = this.#clock.now();
    const time = Math.max(now, from?.time ?? 0);
    const closed = options.closed === true;
    const id = this.#nextStream++;
    const segment = this.#nextSegment++;
    const epoch = this.#epoch();
    const latest = from?.at ?? 0;
    const config = from === undefined ? { settings } : forkConfig(settings, epoch, from, options.part);
    const state = newState({ id, key: entry.key, config, now, segment, epoch, closed, time, from });
    const { tip } = state;
    const change: Change = { op: 'create', id, key: entry.key, config, closed, time: now, segment, epoch };
    this.#queue.change(from === undefined ? change : { ...change, ...baseOf(from) });
    this.#table.put(entry, state);
    const events = options.events ?? [];
    if (events.length > 0) {
      this.#write(state, latest + 1, events, time);
      state.tip = { ...tip, latest: latest + events.length };
    }
    const settle = this.#settling(state, undefined);
    void this.#answer(entry, () => {
      state.live = true;
      if (from !== undefined) currentOf(state).floor = -this.#queue.takeInherited();
      settle();
    }).catch(toldElsewhere);
    return state;
  }

  #taken(entry: Entry): Promise<Created> | undefined {
    const known = this.#find(entry);
    if (known !== undefined) return this.#answer(entry, () => ({ kind: 'exists', bounds: boundsOf(known) }));
    return entry.grave === undefined ? undefined : this.#answer(entry, () => ({ kind: 'gone' }));
  }

  #fork(origin: Entry, at: Position, entry: Entry, options: ForkOptions): Promise<Forked> {
    const source = this.#find(origin);
    if (source === undefined) return Promise.resolve({ kind: 'missing' });
    const taken = this.#taken(entry);
    if (taken !== undefined) return taken;
    const from = forkOf(source, at);
    if (from === undefined) return Promise.resolve({ kind: 'lost' });
    const settings = settingsOf({ contentType: source.config.settings.contentType, ...options }, 'durable');
    this.#touch(source);
    const state = this.#make(entry, settings, options, from);
    this.#forks.made(origin, state.id);
    return this.#answer(entry, () => this.#created(state));
  }

  /** The stream as sequenced; one whose time is over is deleted on the way. */
  #find(entry: Entry): StreamState | undefined {
    const { state } = entry;
    if (entry.grave !== undefined) this.#forks.release(entry);
    if (state === undefined || !isExpired(state.config.settings, state.touched, this.#clock.now()))
      return state;
    void this.#remove(entry, state).catch(toldElsewhere);
    return undefined;
  }

  /** The stream as readers may see it: one that is being made is waited for. */
  async #visible(entry: Entry): Promise<StreamState | undefined> {
    const state = this.#find(entry);
    if (state !== undefined && !state.live) await this.#answer(entry, () => undefined);
    return state;
  }

  #remove(entry: Entry, state: StreamState): Promise<boolean> {
    this.#forks.remove(entry, state);
    this.#rounds.untouch(state.id);
    return this.#answer(entry, () => {
      this.#watchers.tell(entry.key);
      this.#rounds.begin();
      return true;
    });
  }

  #touch(state: StreamState): void {
    state.touched = this.#clock.now();
    if (state.config.settings.ttl !== undefined) this.#rounds.touch(state.id, state.touched);
  }

  #forget(error: PlayheadError): void {
    this.#table.forget(error);
    this.#rounds.forget();
  }
}

/** For what needs no answer: a failed commit rejects every call of its group, and expired streams are seen again. */
const toldElsewhere = (): void => undefined;
