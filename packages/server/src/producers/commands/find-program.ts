import { isAbsolute, join } from 'node:path';
import { isProgram } from '../../runtime/is-program.ts';

/**
 * Where a program is: an absolute path as it is, a name by the environment's PATH. Undefined if it cannot be run.
 * What is relative counts for nothing: it would mean the server's folder here and the project's there.
 */
export async function findProgram(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const places = program.includes('/')
    ? [program]
    : (env['PATH'] ?? '').split(':').map((folder) => join(folder, program));
  for (const place of places) if (isAbsolute(place) && (await isProgram(place))) return place;
  return undefined;
}
