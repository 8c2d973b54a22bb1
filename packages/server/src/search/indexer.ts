import { formatPosition, parsePosition, type Position } from '@playhead/protocol';
import type { EventLog, ReadLimit } from '../log/event-log.ts';
import { nameOf, type StreamKey } from '../log/stream-key.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { catchUp } from './catch-up.ts';
import type { ReadUpTo, SearchIndex, SearchRule } from './search.ts';

export interface IndexerParts {
  readonly log: EventLog;
  readonly index: SearchIndex;
  readonly rules: readonly SearchRule[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** All tenants that there are. */
  readonly tenants: () => Promise<Iterable<string>>;
  /** How much text of one stream is indexed, bytes; what follows is not searched. */
  readonly streamBytes: number;
  /** How long it waits before it looks again, ms, unless somebody waits: what comes together is indexed together. */
  readonly delayMs: number;
}

/** Feeds the index from the log. */
export interface Indexer extends AsyncDisposable {
  /** Resolves when all that was committed before the call is in the index. */
  caughtUp(): Promise<void>;
}

const PAGE: ReadLimit = { events: 2_000, bytes: 512 * 1024 };
/** Streams that are read at once: what they say is written to the index together. */
const AT_ONCE = 16;
/** It rests so many times as long as reading these took, unless somebody waits: whoever appends comes first. */
const REST = 4;
/** Streams that are looked up at once when it starts. */
const LISTED = 500;

/**
 * Reads what the log has gained, stream by stream, from where each was read before: what happened while the server was
 * down is found by comparing, what happens now is told by the log. One page at a time, so that indexing a torrent of
 * output delays no other stream by more than a page.
 */
export function startIndexer(parts: IndexerParts): Indexer {
  const { log, index, rules, clock, logger } = parts;
  const known = new Map<StreamKey, ReadUpTo>();
  /** Of streams that changed: `true` if something other than an append may have. */
  const dirty = new Map<StreamKey, boolean>();
  const looking = new Set<StreamKey>();
  const waiters = catchUp();
  /** Whether a stream was not read to its end. */
  let unread = false;
  /** Ends a rest. */
  let hurry: () => void = () => undefined;
  let stopped = false;
  let timer: Disposable | undefined;
  /** The comparison or the round that is under way: there is never more than one. */
  let working: Promise<void> | undefined;

  const watching = log.watchAll((key, latest) => {
    if (ruleOf(key) === undefined) return;
    dirty.set(key, latest === undefined || dirty.get(key) === true);
    schedule(parts.delayMs);
  });

  function ruleOf(key: StreamKey): SearchRule | undefined {
    const name = nameOf(key);
    return rules.find((rule) => name.startsWith(rule.prefix) && rule.covers?.(name) !== false);
  }

  function schedule(delay: number): void {
    if (timer !== undefined || working !== undefined || stopped) return;
    timer = clock.after(delay, () => {
      timer = undefined;
      work(round());
    });
  }

  function work(piece: Promise<void>): void {
    working = piece.then(() => {
      working = undefined;
      if (dirty.size > 0) schedule(unread || waiters.waiting ? 0 : parts.delayMs);
    });
  }

  /** One page of every stream that has changed. */
  async function round(): Promise<void> {
    const streams = [...dirty];
    dirty.clear();
    unread = false;
    for (const [key] of streams) looking.add(key);
    for (let i = 0; i < streams.length && !stopped; i += AT_ONCE) {
      const began = clock.now();
      await Promise.all(streams.slice(i, i + AT_ONCE).map(([key, changed]) => lookAt(key, changed)));
      if (i + AT_ONCE < streams.length && !unread) await rest(REST * (clock.now() - began));
    }
  }

  async function rest(ms: number): Promise<void> {
    if (ms === 0 || waiters.waiting || stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    hurry = resolve;
    using _timer = clock.after(ms, resolve);
    await promise;
  }

  async function lookAt(key: StreamKey, changed: boolean): Promise<void> {
    let more = false;
    try {
      if (changed) await forgetIfGone(key);
      more = await readPage(key);
    } catch (error) {
      // It is read again when it changes again, or by the next start.
      logger.warn({ error }, 'a stream could not be indexed');
    }
    if (more) {
      dirty.set(key, dirty.get(key) ?? false);
      unread = true;
    }
    looking.delete(key);
    waiters.looked(key, more);
  }

  async function forgetIfGone(key: StreamKey): Promise<void> {
    if (!known.has(key) || (await log.bounds(key)) !== undefined) return;
    known.delete(key);
    await index.forget(key);
  }

  /** True if there is more to read. */
  async function readPage(key: StreamKey): Promise<boolean> {
    const rule = ruleOf(key);
    const bounds = await log.bounds(key);
    if (rule === undefined || bounds === undefined || bounds.durability === 'volatile') return false;
    const read = known.get(key);
    if (read !== undefined && read.bytes >= (rule.streamBytes ?? parts.streamBytes)) return false;
    const from = (read === undefined ? undefined : parsePosition(read.position)) ?? bounds.start;
    const slice = await log.read(key, from, PAGE);
    switch (slice.kind) {
      case 'missing':
        return false;
      case 'lost':
        await keep(key, slice.resume, read?.bytes ?? 0, []);
        return true;
      case 'events': {
        if (slice.batches.length === 0) return false;
        const documents = rule.documents(key, slice.batches);
        const size = documents.reduce((sum, { title, text }) => sum + title.length + text.length, 0);
        await keep(key, slice.next, (read?.bytes ?? 0) + size, documents);
        return formatPosition(slice.next) !== formatPosition(slice.latest);
      }
    }
  }

  async function keep(
    key: StreamKey,
    position: Position,
    bytes: number,
    documents: Parameters<SearchIndex['add']>[2],
  ): Promise<void> {
    const read = { position: formatPosition(position), bytes };
    await index.add(key, read, documents);
    known.set(key, read);
  }

  /** What happened while nobody watched. */
  async function compare(): Promise<void> {
    for (const [key, read] of await index.streams()) known.set(key, read);
    for (const key of known.keys()) dirty.set(key, true);
    for (const tenant of await parts.tenants()) await compareTenant(tenant);
  }

  async function compareTenant(tenant: string): Promise<void> {
    for (const { prefix } of rules) {
      let after: string | undefined;
      for (;;) {
        const listed = await log.list({
          tenant,
          prefix,
          limit: LISTED,
          ...(after === undefined ? {} : { after }),
        });
        for (const { key } of listed) {
          after = nameOf(key);
          if (!known.has(key) && ruleOf(key) !== undefined) dirty.set(key, false);
        }
        if (listed.length < LISTED) break;
      }
    }
  }

  const compared = compare().catch((error: unknown) =>
    logger.warn({ error }, 'the search index does not know what happened before'),
  );
  work(compared);

  return {
    async caughtUp() {
      await compared;
      if (stopped) return;
      const waited = waiters.wait(dirty.keys(), looking);
      hurry();
      if (working === undefined && dirty.size > 0) {
        timer?.[Symbol.dispose]();
        timer = undefined;
        schedule(0);
      }
      await waited;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      watching[Symbol.dispose]();
      timer?.[Symbol.dispose]();
      waiters.end();
      hurry();
      await working;
    },
  };
}
