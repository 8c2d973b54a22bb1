import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the whole project. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/**
 * A Node that runs the server from source: the one that runs the tests if it is new enough, else the one that
 * the project brings along.
 */
export function nodeProgram(): string {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const brought = `${ROOT}node_modules/.bin/node`;
  if (!existsSync(brought)) throw new Error('Node 24 or later is needed: run `npm ci` in the root first');
  return brought;
}
