import { PlayheadError, type Position } from '@playhead/protocol';
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
} from './event-log.ts';
import type { StreamKey } from './stream-key.ts';

/**
 * One log out of two: each stream lives in the engine of its durability (D-1), and a name is in one of them at
 * most. Disposing it disposes both.
 */
export function tieredLog(durable: EventLog, volatile: EventLog): EventLog {
  return new TieredLog(durable, volatile);
}

class TieredLog implements EventLog {
  readonly #durable: EventLog;
  readonly #volatile: EventLog;
  /** Names that were made volatile. One may be gone by its ttl; then both engines say that it is missing. */
  readonly #names = new Set<StreamKey>();
  /** Names of which it is being found out where they live: calls for them wait, so that their order is kept. */
  readonly #pending = new Map<StreamKey, Promise<unknown>>();

  constructor(durable: EventLog, volatile: EventLog) {
    this.#durable = durable;
    this.#volatile = volatile;
  }

  create(key: StreamKey, options: CreateOptions = {}): Promise<Created> {
    const wanted = options.durability === 'volatile';
    if (!wanted && !this.#names.has(key) && !this.#pending.has(key))
      return this.#durable.create(key, options);
    return this.#settle(key, async () => {
      const other = wanted ? this.#durable : this.#volatile;
      const elsewhere = await other.bounds(key);
      if (elsewhere !== undefined) return { kind: 'exists', bounds: elsewhere };
      if (await other.gone(key)) return { kind: 'gone' };
      if (wanted) this.#names.add(key);
      else this.#names.delete(key);
      return this.#engine(key).create(key, options);
    });
  }

  append(key: StreamKey, events: readonly LogEvent[], options?: AppendOptions): Promise<Appended> {
    return this.#on(key, (log) => log.append(key, events, options));
  }

  read(key: StreamKey, after: Position, limit: ReadLimit): Promise<Slice> {
    return this.#on(key, (log) => log.read(key, after, limit));
  }

  bounds(key: StreamKey): Promise<Bounds | undefined> {
    return this.#on(key, (log) => log.bounds(key));
  }

  watch(key: StreamKey, moved: (latest?: number) => void): Disposable {
    // Both, since a stream may be made anew in the other engine while it is watched.
    const watches = new DisposableStack();
    watches.use(this.#durable.watch(key, moved));
    watches.use(this.#volatile.watch(key, moved));
    return watches;
  }

  watchAll(moved: (key: StreamKey, latest?: number) => void): Disposable {
    const watches = new DisposableStack();
    watches.use(this.#durable.watchAll(moved));
    watches.use(this.#volatile.watchAll(moved));
    return watches;
  }

  retain(key: StreamKey, rule: RetentionRule): Promise<boolean> {
    return this.#on(key, (log) => log.retain(key, rule));
  }

  close(key: StreamKey): Promise<boolean> {
    return this.#on(key, (log) => log.close(key));
  }

  delete(key: StreamKey): Promise<boolean> {
    if (!this.#names.has(key) && !this.#pending.has(key)) return this.#durable.delete(key);
    return this.#settle(key, async () => {
      const log = this.#engine(key);
      const deleted = await log.delete(key);
      // Until its forks are gone, too, nothing else may have the name (L9).
      if (!(await log.gone(key))) this.#names.delete(key);
      return deleted;
    });
  }

  gone(key: StreamKey): Promise<boolean> {
    return this.#on(key, (log) => log.gone(key));
  }

  /** A fork shares its source's events, so it has its durability; asking for the other is `invalid-request`. */
  fork(source: StreamKey, at: Position, target: StreamKey, options: ForkOptions = {}): Promise<Forked> {
    return this.#settle(target, async () => {
      if (source !== target) await this.#pending.get(source);
      const log = this.#engine(source);
      const own = log === this.#volatile ? 'volatile' : 'durable';
      if (options.durability !== undefined && options.durability !== own) {
        throw new PlayheadError('invalid-request', `The fork of a ${own} stream is ${own}.`);
      }
      const other = log === this.#volatile ? this.#durable : this.#volatile;
      const elsewhere = await other.bounds(target);
      if (elsewhere !== undefined) return { kind: 'exists', bounds: elsewhere };
      if (await other.gone(target)) return { kind: 'gone' };
      const forked = await log.fork(source, at, target, options);
      if (forked.kind === 'created' && own === 'volatile') this.#names.add(target);
      return forked;
    });
  }

  async list(query: ListQuery): Promise<readonly Listed[]> {
    const lists = await Promise.all([this.#durable.list(query), this.#volatile.list(query)]);
    return lists
      .flat()
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .slice(0, query.limit);
  }

  redact(key: StreamKey, at: Position): Promise<boolean> {
    return this.#on(key, (log) => log.redact(key, at));
  }

  room(): Promise<void> | undefined {
    return this.#durable.room() ?? this.#volatile.room();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#durable[Symbol.asyncDispose](), this.#volatile[Symbol.asyncDispose]()]);
  }

  #engine(key: StreamKey): EventLog {
    return this.#names.has(key) ? this.#volatile : this.#durable;
  }

  #on<T>(key: StreamKey, call: (log: EventLog) => Promise<T>): Promise<T> {
    const pending = this.#pending.get(key);
    return pending === undefined
      ? call(this.#engine(key))
      : this.#after(pending, () => call(this.#engine(key)));
  }

  /** Runs a step that decides where a name lives, behind those that were asked for before it. */
  #settle<T>(key: StreamKey, step: () => Promise<T>): Promise<T> {
    const before = this.#pending.get(key);
    const settled = before === undefined ? step() : this.#after(before, step);
    this.#pending.set(key, settled);
    const forget = () => {
      if (this.#pending.get(key) === settled) this.#pending.delete(key);
    };
    settled.then(forget, forget);
    return settled;
  }

  /** Whatever became of `before`: its own caller hears of a failure. */
  #after<T>(before: Promise<unknown>, step: () => Promise<T>): Promise<T> {
    return before.then(step, step);
  }
}
