import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';

/** Whether this process may run the file at a path. */
export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Not there, or not for us: either way it cannot be run.
    return false;
  }
}
