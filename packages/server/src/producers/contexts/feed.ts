import { comparePositions, formatPosition, parsePosition, type Position } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { Batch, Bounds, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { sourceKey, USER_CHANNELS, type UserChannel, userChannelKey } from './channel-name.ts';
import { ChannelWriter, type Portion } from './channel-writer.ts';
import { type Derived, type EventWriter, eventWriter } from './derived-event.ts';
import type { FeedRecord, FeedRecords } from './feed-record.ts';
import { KnownPages } from './known-pages.ts';
import { makeFeed } from './make-feed.ts';
import { PendingLevels } from './pending-levels.ts';
import { project } from './projection.ts';
import { RecentMessages } from './recent-messages.ts';
import { readNumber, sequenceNumber } from './sequence-number.ts';
import { SourceEpochs } from './source-epochs.ts';
import { readSourceEvent, type SourceEvent, sourceLogEvent } from './source-event.ts';

export interface FeedParts {
  readonly log: EventLog;
  readonly hub: Pick<Hub, 'append'>;
  readonly records: FeedRecords;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What became of one message. */
export interface Stored {
  /** Of the source event that holds it. */
  readonly number: number;
  /** The same message was stored before. */
  readonly repeated: boolean;
}

/** A source event whose derived events are not all written. */
interface Pending {
  readonly number: number;
  readonly at: Position;
  readonly derived: readonly Derived[];
  /** Told the offset that its first derived event has. */
  readonly told: ((offset: number) => void) | undefined;
}

/** Source events read at once. */
const PAGE = { events: 1_000, bytes: 4 * 1024 * 1024 };
/** Source events whose derived events are written at once. */
const AT_ONCE = 256;
/** Source events after which what is known is kept. */
const KEEP_EVERY = 1_000;
const RETRY_MS = 500;
const RETRY_MAX_MS = 10_000;

/**
 * One user's contexts: stores what the devices say in the source, and derives the channels from it.
 *
 *     write ──▶ source (committed: the answer) ──▶ pages, and what is to be told ──▶ channels, exactly once
 *
 * What is stored is derived even if the process dies in between: opening a feed reads the source on from where it is
 * known that everything was derived, and the channels refuse what they have (channel-writer.ts).
 */
export class Feed {
  readonly tenant: string;
  readonly user: string;
  readonly source: StreamKey;
  readonly pages: KnownPages;
  /** What `pages` is about to know of levels. */
  readonly levels: PendingLevels = new PendingLevels();
  /** Calls under way; a feed that is not used may be closed. */
  uses = 0;
  /** ms since 1970. */
  usedAt: number;
  readonly #parts: FeedParts;
  readonly #createdAt: number;
  readonly #recent: RecentMessages;
  readonly #events: EventWriter;
  readonly #writers: Readonly<Record<UserChannel, ChannelWriter>>;
  /** Who waits for a message to be told, by its id. */
  readonly #waiting = new Map<string, (offset: number) => void>();
  readonly #epochs: SourceEpochs;
  readonly #pending: Pending[] = [];
  #settling: Promise<void> | undefined;
  #catching: Promise<void> | undefined;
  #applied: Position;
  #derived: Position;
  #sinceKept = 0;
  #closed = false;
  /** Ends a wait between two attempts. */
  #giveUp: () => void = () => undefined;

  private constructor(parts: FeedParts, record: FeedRecord, bounds: Bounds, at: Position) {
    const { tenant, user } = record;
    this.#parts = parts;
    this.tenant = tenant;
    this.user = user;
    this.source = sourceKey(tenant, user);
    this.pages = new KnownPages(record.pages ?? undefined);
    this.usedAt = parts.clock.now();
    this.#createdAt = record.createdAt;
    this.#recent = new RecentMessages(record.recent);
    this.#events = eventWriter(tenant, user);
    const writer = (channel: UserChannel): ChannelWriter =>
      new ChannelWriter(parts.hub, userChannelKey(tenant, user, channel));
    this.#writers = {
      'user-contexts': writer('user-contexts'),
      'current-context': writer('current-context'),
      'tab-events': writer('tab-events'),
    };
    this.#epochs = new SourceEpochs(bounds, record.epochs);
    this.#applied = at;
    this.#derived = at;
  }

  /** Opens a user's feed, which is made if there is none, and derives what a crash left behind. */
  static async open(parts: FeedParts, tenant: string, user: string): Promise<Feed> {
    const { log, records, clock } = parts;
    const key = sourceKey(tenant, user);
    let record = await records.get(tenant, user);
    let bounds = await log.bounds(key);
    if (record === undefined || bounds === undefined) {
      record = await makeFeed({ log, records }, { tenant, user }, clock.now());
      bounds = await log.bounds(key);
    }
    if (bounds === undefined) throw new RangeError('A stream that was just made is gone.');
    const at = (record.at === null ? undefined : parsePosition(record.at)) ?? bounds.start;
    const feed = new Feed(parts, record, bounds, at);
    // Before anything is written in it: another process must number what is in it as this one does.
    if (bounds.epochIndex > 0 && record.epochs?.some(([epoch]) => epoch === bounds.latest.epoch) !== true)
      await records.put({ ...record, epochs: feed.#epochs.kept() });
    await feed.#catchUp();
    return feed;
  }

  /**
   * Stores messages, in one append, each once by its id. Resolves once they are committed and `pages` knows them; the
   * channels follow. Rejects with what the log refuses with, and then nothing was stored.
   */
  async write(events: readonly SourceEvent[]): Promise<readonly Stored[]> {
    const results: Promise<Stored>[] = [];
    const fresh: SourceEvent[] = [];
    const { promise: first, resolve, reject } = Promise.withResolvers<number>();
    // Awaited by whoever finds the id meanwhile; the caller hears of a failure by itself.
    first.catch(() => undefined);
    for (const event of events) {
      const known = this.#recent.find(event.message);
      if (known !== undefined) {
        results.push(repeated(known));
        continue;
      }
      const index = fresh.push(event) - 1;
      const number = first.then((start) => start + index);
      number.catch(() => undefined);
      this.#recent.put(event.message, number);
      results.push(number.then((stored) => ({ number: stored, repeated: false })));
    }
    if (fresh.length > 0) {
      try {
        resolve(await this.#store(fresh));
      } catch (error) {
        for (const { message } of fresh) this.#recent.remove(message);
        reject(error);
      }
    }
    return Promise.all(results);
  }

  /** Stores a broadcast; gives the offset that it has in its channel. Its id must be new. */
  async broadcast(event: Extract<SourceEvent, { kind: 'broadcast' }>): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(event.message, resolve);
    try {
      await this.write([event]);
    } catch (error) {
      this.#waiting.delete(event.message);
      throw error;
    }
    return promise;
  }

  /** Resolves once the channels hold everything that is stored, or after `ms`. */
  async settled(ms: number): Promise<void> {
    if (this.#settling === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#parts.clock.after(ms, resolve);
    await Promise.race([this.#settling, promise]);
  }

  /** The number of an event of the source. */
  numberOf(epoch: string, offset: number): number {
    return sequenceNumber(this.#epochs.indexOf(epoch), offset);
  }

  /** The epoch that a number is of; undefined if nothing of it is retained. */
  epochOf(number: number): string | undefined {
    return this.#epochs.at(readNumber(number).epochIndex);
  }

  /** Where the source stands, as far as it is applied. */
  get applied(): Position {
    return this.#applied;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether everything that is stored is told. */
  get isSettled(): boolean {
    return this.#settling === undefined;
  }

  /**
   * Keeps what is known, so that the next opening begins there. Nothing may be written afterwards; another feed of the
   * same user may be opened once it resolves.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#giveUp();
    await this.#settling;
    if (this.#pending.length === 0 && this.#sinceKept > 0) await this.#keep();
  }

  async #store(events: readonly SourceEvent[]): Promise<number> {
    const batch = events.map(sourceLogEvent);
    const result = await this.#parts.hub.append(this.source, batch);
    if (result.kind !== 'appended') throw new RangeError(`The source could not be written: ${result.kind}.`);
    const { first, time, position } = result;
    const stored: Batch = { epoch: position.epoch, first, time, events: batch };
    const isNext = first === this.#applied.offset + 1 && position.epoch === this.#applied.epoch;
    // Another process, or an epoch that nobody here has seen: the log knows.
    if (isNext) this.#take(stored, events);
    else await this.#catchUp();
    return this.numberOf(position.epoch, first);
  }

  /** Applies what follows; of what was applied already, nothing. */
  #take({ epoch, first }: Batch, events: readonly (SourceEvent | undefined)[]): void {
    for (const [index, event] of events.entries()) {
      const offset = first + index;
      if (epoch === this.#applied.epoch && offset <= this.#applied.offset) continue;
      const at = { epoch, offset };
      this.#applied = at;
      if (event === undefined) continue;
      const number = this.numberOf(epoch, offset);
      this.#recent.put(event.message, number);
      const told = this.#waiting.get(event.message);
      if (told !== undefined) this.#waiting.delete(event.message);
      this.#pending.push({ number, at, derived: project(this.pages, event, number, this.#events), told });
    }
    if (this.#pending.length > 0) this.#settling ??= this.#settle();
  }

  #catchUp(): Promise<void> {
    this.#catching ??= this.#readOn().finally(() => (this.#catching = undefined));
    return this.#catching;
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const slice = await this.#parts.log.read(this.source, this.#applied, PAGE);
      if (slice.kind === 'missing') return;
      if (slice.kind === 'lost') {
        this.#applied = slice.resume;
        continue;
      }
      for (const batch of slice.batches) this.#take(batch, batch.events.map(readSourceEvent));
      if (slice.batches.length === 0) return;
      if (comparePositions(this.#applied, slice.next) < 0) this.#applied = slice.next;
      // A backlog of any length is read at the pace at which it is told.
      if (this.#pending.length > 4 * PAGE.events) await this.#settling;
    }
  }

  async #settle(): Promise<void> {
    while (this.#pending.length > 0 && !this.#closed) {
      const portion = this.#pending.slice(0, AT_ONCE);
      if (!(await this.#tellAll(portion))) break;
      this.#pending.splice(0, portion.length);
      this.#derived = portion.at(-1)?.at ?? this.#derived;
      this.#sinceKept += portion.length;
      if (this.#sinceKept >= KEEP_EVERY && this.#pending.length === 0) await this.#keep();
    }
    // In the same breath as the last look: what comes after it begins anew.
    this.#settling = undefined;
  }

  /** Tries until it succeeds (or the feed is closed: false), and always with the same portion: what a channel has of it, it then knows again. */
  async #tellAll(portion: readonly Pending[]): Promise<boolean> {
    for (let wait = RETRY_MS; !this.#closed; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
      const told = await Promise.allSettled(USER_CHANNELS.map((channel) => this.#tell(channel, portion)));
      const failed = told.find((each) => each.status === 'rejected');
      if (failed === undefined) return true;
      if (this.#closed) return false;
      const { logger, clock } = this.#parts;
      const error: unknown = failed.reason;
      logger.warn(
        { stream: this.source, error },
        'contexts are stored but not told yet; this is tried again',
      );
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#giveUp = resolve;
      using _timer = clock.after(wait, resolve);
      await promise;
    }
    return false;
  }

  #tell(channel: UserChannel, pending: readonly Pending[]): Promise<void> {
    const told = new Map<number, Pending['told']>();
    const portions: Portion[] = [];
    for (const each of pending) {
      const events = each.derived.filter((event) => event.channel === channel);
      if (events.length > 0) portions.push({ number: each.number, events });
      if (each.told !== undefined) told.set(each.number, each.told);
    }
    if (portions.length === 0) return Promise.resolve();
    return this.#writers[channel].write(portions, ({ number }, first) => told.get(number)?.(first));
  }

  async #keep(): Promise<void> {
    const { tenant, user } = this;
    this.#sinceKept = 0;
    try {
      await this.#parts.records.put({
        ...{ tenant, user, createdAt: this.#createdAt },
        at: formatPosition(this.#derived),
        pages: this.pages.keep(),
        recent: this.#recent.keep(),
        epochs: this.#epochs.kept(),
      });
    } catch (error) {
      this.#parts.logger.warn({ stream: this.source, error }, 'what is known of a user could not be kept');
    }
  }
}

async function repeated(known: Promise<number> | number): Promise<Stored> {
  return { number: await known, repeated: true };
}
