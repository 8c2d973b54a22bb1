import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Recordings } from '../../frames/recordings.ts';
import type { EventLog } from '../../log/event-log.ts';
import { nameOf, tenantOf } from '../../log/stream-key.ts';
import type { Collection } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { shortened } from '../../sessions/session.ts';
import type { SessionRecord } from '../../sessions/session-record.ts';
import { settle } from '../../sessions/settle.ts';
import type { Browsers } from './browser.ts';
import { lastEvents } from './computer-ending.ts';
import { type ComputerStore, KIND } from './computer-store.ts';
import { workspaceOf } from './create-computer.ts';
import { logEvent, readEnding } from './events.ts';
import { recordingStream } from './recording-face.ts';
import type { ComputerSettings } from './settings.ts';

export interface SettleComputersParts {
  readonly log: EventLog;
  readonly running: Collection<SessionRecord>;
  readonly store: ComputerStore;
  readonly browsers: Browsers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: ComputerSettings;
  readonly recordings: Pick<Recordings, 'settle'>;
}

const remainsSchema = z.object({
  process: z.object({ pid: z.int().positive(), started: z.string().nullable() }),
  folder: z.string(),
});

/**
 * Settles the computers that a crash left behind: their browsers are ended, if they provably are those, their folders
 * removed, and their streams say `lost`. True if none is left.
 */
export function settleComputers(parts: SettleComputersParts): Promise<boolean> {
  const { store, browsers, clock, logger } = parts;
  return settle({
    kind: KIND,
    log: parts.log,
    running: parts.running,
    async reap(remains) {
      const known = remainsSchema.parse(remains);
      const reaped = await browsers.reap(known);
      const { pid } = known.process;
      if (reaped === 'killed') logger.info({ pid }, 'killed a browser that had outlived the server');
      if (reaped === 'unproven') logger.warn({ pid }, 'a process may be a browser left behind');
    },
    lost: (ending, { key }) =>
      lastEvents(ending).map((event) => logEvent(idOf(nameOf(key)), event, clock.now())),
    async record({ key, last, at }) {
      const id = idOf(nameOf(key));
      await rm(workspaceOf(parts.settings, id), { recursive: true, force: true });
      await parts.recordings.settle(recordingStream(tenantOf(key), id));
      const computer = await store.get(tenantOf(key), id);
      if (computer === undefined || computer.ended !== undefined) return;
      const ending = (last === null ? undefined : readEnding(last)) ?? {
        kind: 'lost' as const,
        reason: 'Its stream is gone.',
      };
      await store.put({ ...computer, ended: { at, lastActivityAt: computer.createdAt, ending } });
    },
    failed: (key, error) =>
      logger.error({ stream: shortened(key), error }, 'a computer could not be settled yet'),
  });
}

function idOf(name: string): string {
  return name.split('/')[1] ?? '';
}
