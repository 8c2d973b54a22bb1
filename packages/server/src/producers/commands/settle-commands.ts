import { z } from 'zod';
import type { Launcher } from '../../launcher/launcher.ts';
import type { EventLog } from '../../log/event-log.ts';
import { nameOf, type StreamKey, tenantOf } from '../../log/stream-key.ts';
import type { Collection } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { shortened } from '../../sessions/session.ts';
import type { SessionRecord } from '../../sessions/session-record.ts';
import { settle } from '../../sessions/settle.ts';
import { lastEvents, withoutExit } from './command-ending.ts';
import type { CommandStore } from './command-store.ts';
import { readComplete } from './events.ts';
import { KIND, TERMINAL_KIND } from './start-command.ts';

export interface SettleCommandsParts {
  readonly log: EventLog;
  readonly running: Collection<SessionRecord>;
  readonly store: CommandStore;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly logger: Logger;
}

const remainsSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() });
const LOST = 'The server stopped while the command ran; how it ended is not known.';

/**
 * Settles the commands that a crash left behind: what still runs is killed, if it is provably that process, and
 * streams without an end get `error` and `complete` with the ending `lost`. True if none is left.
 */
export async function settleCommands(parts: SettleCommandsParts): Promise<boolean> {
  // The terminals behind them: they end as their commands did.
  return (await settleLines(parts)) && (await settleTerminals(parts));
}

function settleTerminals({ log, running, store, logger }: SettleCommandsParts): Promise<boolean> {
  return settle({
    kind: TERMINAL_KIND,
    log,
    running,
    reap: () => Promise.resolve(),
    async lost(ending, record, lastKnown) {
      const { key } = record;
      const command = await store.get(tenantOf(key), commandOf(key));
      const complete = command?.ended?.complete;
      if (complete === undefined) return lastEvents(withoutExit(ending, lastKnown - record.openedAt), LOST);
      return lastEvents(complete, complete.ending.kind === 'lost' ? LOST : undefined);
    },
    record: () => Promise.resolve(),
    failed: (key, error) =>
      logger.error({ stream: shortened(key), error }, 'a terminal could not be settled yet'),
  });
}

/** The id of the command whose stream, or whose terminal's stream, this is. */
function commandOf(key: StreamKey): string {
  return nameOf(key).split('/')[1] ?? '';
}

function settleLines(parts: SettleCommandsParts): Promise<boolean> {
  const { launcher, store, logger } = parts;
  return settle({
    kind: KIND,
    log: parts.log,
    running: parts.running,
    async reap(remains) {
      const identity = remainsSchema.parse(remains);
      const reaped = await launcher.reap(identity);
      if (reaped === 'killed')
        logger.info({ pid: identity.pid }, 'killed a command that had outlived the server');
      if (reaped === 'unproven') logger.warn({ pid: identity.pid }, 'a process may be a command left behind');
    },
    lost(ending, record, lastKnown) {
      return lastEvents(withoutExit(ending, lastKnown - record.openedAt), LOST);
    },
    async record({ key, last, at }) {
      const command = await store.get(tenantOf(key), commandOf(key));
      if (command === undefined || command.ended !== undefined) return;
      const complete =
        (last === null ? undefined : readComplete(last)) ??
        withoutExit({ kind: 'lost', reason: 'Its stream is gone.' }, at - command.createdAt);
      await store.put({ ...command, ended: { at, complete } });
    },
    failed: (key, error) =>
      logger.error({ stream: shortened(key), error }, 'a command could not be settled yet'),
  });
}
