import { realpath } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { isProgram } from '../../runtime/is-program.ts';
import { LaunchFailure, type LaunchSpec } from '../launcher.ts';
import type { HostView } from './host-view.ts';
import { isWithin } from './is-within.ts';

/**
 * The program as it is found inside, where less exists than outside. Throws a `LaunchFailure` if it cannot be run
 * there. A script whose interpreter is missing passes: it fails inside, with the code 127.
 */
export async function requireProgram(
  { argv: [program], env, cwd }: LaunchSpec,
  host: HostView,
  root: string,
): Promise<string> {
  const places = program.includes('/')
    ? [resolve(cwd, program)]
    : (env['PATH'] ?? '/usr/bin:/bin')
        .split(':')
        .filter(isAbsolute)
        .map((folder) => join(folder, program));
  let exists = false;
  for (const place of places) {
    const real = await realpath(place).catch(() => undefined);
    if (real === undefined || !(await isVisible(real, host, root))) continue;
    exists = true;
    if (await isProgram(real)) return place;
  }
  throw exists
    ? new LaunchFailure('not-permitted', `The program ${program} may not be run.`)
    : new LaunchFailure('program-not-found', `There is no program ${program} in the sandbox.`);
}

async function isVisible(real: string, host: HostView, root: string): Promise<boolean> {
  if (isWithin(root, real)) return true;
  if (host.mounts.some(({ kind, path }) => kind === 'empty' && isWithin(path, real))) return false;
  for (const { kind, path } of host.mounts) {
    if (kind === 'read' && isWithin(await realpath(path), real)) return true;
  }
  return false;
}
