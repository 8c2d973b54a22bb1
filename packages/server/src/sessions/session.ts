import type { Appended, AppendOptions, EventLog, LogEvent } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';
import type { Collection } from '../records/records.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Directory } from './directory.ts';
import type { Ending } from './ending.ts';
import type { LeaseTerms } from './lease.ts';
import { startLease } from './lease-timer.ts';
import { createOutlet, type Outlet } from './outlet.ts';
import { type SessionRecord, sessionRecordId } from './session-record.ts';

/**
 * One running instance of a producer, and the stream that tells of it: opened, leased, ended.
 *
 *   OPEN ──stop, lease expired, storage stuck, stream gone──▶ STOPPING ──end──▶ ENDED
 *     └───────────────────the work ended by itself──────────────end──────────────▲
 *
 * The session never ends by itself: `signal` asks its producer to end the work, and what then is the ending is
 * the producer's to say, from what it knows.
 */
export interface Session {
  readonly kind: string;
  readonly key: StreamKey;
  /** ms since 1970. */
  readonly openedAt: number;
  /** Where its events go. */
  readonly outlet: Outlet;
  /** Aborted when the work shall end; `cause` says why. */
  readonly signal: AbortSignal;
  /** Why the work shall end: the first reason counts. Undefined while nobody wants it to. */
  readonly cause: StopCause | undefined;
  /** ms since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Renews the lease. */
  renew(): void;
  /** Asks to end the work. */
  stop(cause: StopCause): void;
  /** Records what goes on if the server dies now. */
  leaves(remains: unknown): Promise<void>;
  /**
   * Writes the ending: the last events and the close of the stream are one append, then `record`, where the
   * producer keeps its own account. Never rejects: what cannot be recorded is settled by the next start.
   */
  end(ending: Ending, last: readonly LogEvent[], record: () => Promise<void>): Promise<void>;
  /** Resolves when all that was done. */
  readonly ended: Promise<Ending>;
}

export type StopCause = Extract<Ending, { kind: 'stopped' | 'expired' | 'failed' }>;

export interface SessionParts {
  readonly log: EventLog;
  append(key: StreamKey, events: readonly LogEvent[], options?: AppendOptions): Promise<Appended>;
  readonly running: Collection<SessionRecord>;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: SessionLimits;
}

export interface SessionLimits {
  /** Bytes on their way into the log; beyond it sources are not read. */
  readonly uncommittedBytes: number;
  /** First wait before a refused append is tried again, ms. */
  readonly retryMs: number;
  /** How long the log may refuse before the session is stopped as `failed(storage)`, ms. */
  readonly storagePatienceMs: number;
}

export interface SessionOptions {
  readonly kind: string;
  readonly key: StreamKey;
  readonly lease: LeaseTerms;
  /** Of the stream. Default: JSON. */
  readonly contentType?: string;
  /** Committed together with the stream. */
  readonly first: readonly LogEvent[];
  /** What the stream is told when the lease is about to run out at `expiresAt` (ms since 1970). */
  expiring(expiresAt: number): LogEvent;
}

/** Opens a session and its stream. Undefined if there is a stream of that name. Rejects if the log refuses. */
export async function openSession(
  parts: SessionParts,
  options: SessionOptions,
): Promise<Session | undefined> {
  const { log, running, clock } = parts;
  const { kind, key } = options;
  const id = sessionRecordId(kind, key);
  // The record comes first: a stream without one would stay open for ever after a crash.
  const record: SessionRecord = { kind, key, openedAt: clock.now(), remains: null };
  if (!(await running.add(id, record))) return undefined;
  try {
    // What a live session said is not trimmed by age while it lives (D-6).
    const created = await log.create(key, {
      ...{ events: options.first, retention: { maxAge: null } },
      ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
    });
    if (created.kind === 'created') return begin(parts, options, record);
  } catch (error) {
    await running.delete(id);
    throw error;
  }
  await running.delete(id);
  return undefined;
}

function begin(parts: SessionParts, options: SessionOptions, record: SessionRecord): Session {
  const { log, running, directory, clock, logger, limits } = parts;
  const { kind, key } = options;
  const id = sessionRecordId(kind, key);
  const stopping = new AbortController();
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<Ending>();
  let cause: StopCause | undefined;
  let leaving: Promise<void> = Promise.resolve();

  function stop(wanted: StopCause): void {
    if (cause !== undefined) return;
    cause = wanted;
    stopping.abort();
  }

  const outlet = createOutlet({
    append: (events, appendOptions) => parts.append(key, events, appendOptions),
    room: () => log.room(),
    clock,
    maxBytes: limits.uncommittedBytes,
    retryMs: limits.retryMs,
    patienceMs: limits.storagePatienceMs,
    failing: (error) => logger.warn({ stream: shortened(key), error }, 'the log refuses events; retrying'),
    stuck: () => stop({ kind: 'failed', reason: 'storage' }),
    gone: (result) => {
      logger.warn({ stream: shortened(key), result }, 'the stream of a running session is gone');
      stop({ kind: 'failed', reason: 'stream-gone' });
    },
  });
  const lease = startLease(options.lease, clock, {
    announce: (expiresAt) => outlet.send([options.expiring(expiresAt)], 0),
    expire: () => stop({ kind: 'expired' }),
  });

  const session: Session = {
    kind,
    key,
    openedAt: record.openedAt,
    outlet,
    signal: stopping.signal,
    get cause() {
      return cause;
    },
    get expiresAt() {
      return lease.expiresAt;
    },
    renew: () => lease.renew(),
    stop,
    leaves(remains) {
      const put = running.put(id, { ...record, remains });
      leaving = put;
      return put;
    },
    async end(ending, last, account) {
      lease[Symbol.dispose]();
      await outlet.finish(last);
      // A record that is still being written must not come to stand behind its deletion. Whether it was written is
      // its caller's to know.
      await Promise.allSettled([leaving]);
      try {
        await account();
        await running.delete(id);
        await log.retain(key, {});
      } catch (error) {
        logger.error(
          { stream: shortened(key), error },
          'an ending could not be recorded; the next start will',
        );
      }
      outlet[Symbol.dispose]();
      directory.remove(key);
      resolveEnded(ending);
    },
    ended,
  };
  directory.add(session);
  return session;
}

/** A stream's id may open it without a key (D-18), so logs show only its beginning. */
export function shortened(key: StreamKey): string {
  return key.replace(/(\/[^/]{8})[^/]+/g, '$1…');
}
