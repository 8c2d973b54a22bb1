import { comparePositions, PlayheadError } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { Computer } from './computer.ts';
import { type ComputerRecord, type ComputerStore, computerStream } from './computer-store.ts';
import type { ComputerNow } from './computer-view.ts';
import type { LiveComputers } from './live-computers.ts';

export interface FindParts {
  readonly live: LiveComputers;
  readonly store: ComputerStore;
  readonly log: EventLog;
}

/** A computer that runs, or one that is terminated and of which the history is still there (D-12). */
export interface FoundComputer {
  readonly record: ComputerRecord;
  readonly now: ComputerNow;
  /** Undefined once it is terminated. */
  readonly computer: Computer | undefined;
}

/** What does not exist, what is another tenant's and what is forgotten are told alike: `not-found`. */
export async function findComputer(parts: FindParts, tenant: string, id: string): Promise<FoundComputer> {
  const computer = parts.live.get(tenant, id);
  if (computer !== undefined) return { record: computer.record, now: computer.now, computer };
  const record = await parts.store.get(tenant, id);
  if (record === undefined || !(await hasHistory(parts.log, record))) throw notThere();
  const lastActivityAt = record.ended?.lastActivityAt ?? record.createdAt;
  return { record, now: { status: 'terminated', lastActivityAt }, computer: undefined };
}

/** One that runs. Throws `not-found`, also for one that is terminated. */
export function runningComputer(live: LiveComputers, tenant: string, id: string): Computer {
  const computer = live.get(tenant, id);
  if (computer === undefined) throw notThere();
  return computer;
}

async function hasHistory(log: EventLog, { tenant, id }: ComputerRecord): Promise<boolean> {
  const bounds = await log.bounds(computerStream(tenant, id));
  return bounds !== undefined && comparePositions(bounds.earliest, bounds.latest) <= 0;
}

function notThere(): PlayheadError {
  return new PlayheadError('not-found', 'There is no such computer, or it is terminated.');
}
