import type { Client } from './client.ts';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';

/** A command that was started, as who watches it knows it. */
export interface Running {
  readonly client: Client;
  readonly project: string;
  readonly id: string;
  readonly patienceMs: number;
}

interface Stopper {
  request(): Promise<void>;
  /** The server is back: asks again what it may not have heard. */
  again(): Promise<void>;
}

/**
 * Asks the server to stop the command; if it is away just then, again when it is back. The answer comes when the
 * command has ended: who has left does not wait for it.
 */
export function stopper(
  { client, project, id }: Running,
  left: AbortSignal,
  io: Io,
  stopped: () => void,
): Stopper {
  let wanted = false;
  let done = false;
  async function attempt(): Promise<void> {
    try {
      await client.json('DELETE', `/projects/${project}/commands/${encodeURIComponent(id)}`, undefined, left);
      done = true;
      stopped();
    } catch (error) {
      if (left.aborted) return;
      if (!(error instanceof Failure)) throw error;
      io.warn(`it could not be stopped: ${error.message}`);
    }
  }
  return {
    request(): Promise<void> {
      wanted = true;
      return attempt();
    },
    again: (): Promise<void> => (wanted && !done ? attempt() : Promise.resolve()),
  };
}
