import type { Recordings } from '../../frames/recordings.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type ComputerStore, computerStream } from './computer-store.ts';
import type { Contexts } from './contexts.ts';
import { recordingStream } from './recording-face.ts';

export interface ForgetParts {
  readonly log: EventLog;
  readonly store: ComputerStore;
  readonly contexts: Contexts;
  readonly recordings: Pick<Recordings, 'delete'>;
}

/** Forgets computers that ended, and profiles that were last used, before a time, ms since 1970. */
export async function forgetComputers(
  { log, store, contexts, recordings }: ForgetParts,
  before: number,
): Promise<void> {
  for await (const computer of store.endedBefore(before)) {
    await log.delete(computerStream(computer.tenant, computer.id));
    await recordings.delete(recordingStream(computer.tenant, computer.id));
    await store.remove(computer);
  }
  await contexts.forget(before);
}
