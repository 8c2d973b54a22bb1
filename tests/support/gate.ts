import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Holds a command until the test lets it go on, so that no test depends on how fast anything is. The gate is a
 * folder and opening removes it, so nothing is left and no command waits for ever.
 */
export interface Gate extends AsyncDisposable {
  /** Shell text that waits for the gate. */
  readonly wait: string;
  open(): Promise<void>;
}

export async function makeGate(): Promise<Gate> {
  const folder = await mkdtemp(join(tmpdir(), 'playhead-gate-'));
  const open = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { wait: `while [ -d '${folder}' ]; do sleep 0.02; done`, open, [Symbol.asyncDispose]: open };
}
