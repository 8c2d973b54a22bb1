import type { EventLog } from '../../log/event-log.ts';
import type { CommandStore } from './command-store.ts';
import { commandStream } from './start-command.ts';
import { terminalStream } from './terminals.ts';

export interface ForgetParts {
  readonly log: EventLog;
  readonly store: CommandStore;
}

/**
 * Forgets commands that ended before a time (ms since 1970). Their output is trimmed by the retention of streams
 * long before; without this, what is known of them would grow for ever.
 */
export async function forgetCommands({ log, store }: ForgetParts, endedBefore: number): Promise<void> {
  for await (const command of store.endedBefore(endedBefore)) {
    // The stream first: an id must not be given back while there is a stream of its name.
    await log.delete(commandStream(command.tenant, command.id));
    if (command.pty === true) await log.delete(terminalStream(command.tenant, command.id));
    await store.remove(command);
  }
}
