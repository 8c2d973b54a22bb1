import type { EventLog } from '../log/event-log.ts';
import type { Records } from '../records/records.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { createDirectory } from './directory.ts';
import type { SessionLimits, SessionParts } from './session.ts';
import { runningSessions } from './session-record.ts';

/** The sessions of one kind, from the start of the server, which settles those of before, to its end. */
export interface SessionKind {
  /** What each of them is opened with. */
  readonly parts: SessionParts;
  /** Whether the server goes away: none is opened any more. */
  readonly draining: boolean;
  /** Settles what a crash left behind. What cannot be settled now is tried again later, until `close`. */
  settle(): Promise<void>;
  /**
   * Stops all that run. Resolves once `idle` has, or after `ms`: a full disk must not keep the server from going. What
   * has no ending then is settled by the next start; says how many those are.
   */
  close(idle: () => Promise<unknown>, ms: number): Promise<number>;
}

/** How often settling is tried again while the log or the records refuse, ms. */
const SETTLE_AGAIN_MS = 5_000;

export function createSessionKind(options: {
  readonly kind: string;
  readonly log: EventLog;
  /** Where events are appended. */
  readonly hub: Pick<SessionParts, 'append'>;
  readonly records: Records;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: SessionLimits;
  /** True if none is left. */
  readonly settle: (running: SessionParts['running']) => Promise<boolean>;
}): SessionKind {
  const { kind, log, hub, records, clock, logger, limits } = options;
  const running = runningSessions(records);
  const directory = createDirectory();
  let again: Disposable | undefined;
  let draining = false;

  async function settle(): Promise<void> {
    const settled = await options.settle(running);
    if (!settled && !draining) again = clock.after(SETTLE_AGAIN_MS, () => void settle());
  }

  return {
    parts: {
      append: (key, events, appending) => hub.append(key, events, appending),
      ...{ log, running, directory, clock, logger, limits },
    },
    get draining() {
      return draining;
    },
    settle,
    async close(idle, ms) {
      draining = true;
      again?.[Symbol.dispose]();
      const { promise: tooLong, resolve } = Promise.withResolvers<void>();
      using _timer = clock.after(ms, resolve);
      for (const session of directory.running(kind)) session.stop({ kind: 'stopped', by: 'shutdown' });
      await Promise.race([idle(), tooLong]);
      return directory.running(kind).length;
    },
  };
}
