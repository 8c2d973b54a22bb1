import { z } from 'zod';
import type { CommandSettings } from './settings.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const MAX_BYTES = 64 * 1024;

/**
 * Environment variables that a caller sets. The server's own settings are no business of a command, so names of
 * that form are refused, not ignored.
 */
export const environmentSchema: z.ZodType<Readonly<Record<string, string>>> = z
  .record(
    z
      .string()
      .regex(NAME, 'must be named by letters, digits and _')
      .refine((name) => !isOwn(name), 'must not be named PLAYHEAD_…'),
    z.string().refine((value) => !value.includes('\0'), 'must not hold NUL'),
  )
  .refine((env) => JSON.stringify(env).length <= MAX_BYTES, `must be at most ${MAX_BYTES} bytes in all`);

/**
 * The whole environment of a command: what is inherited by name, over it the project's, over it the request's.
 * Nothing of the server's environment passes unless its name is listed.
 */
export function environmentOf(
  settings: Pick<CommandSettings, 'environment' | 'inherit'>,
  ...layers: readonly Readonly<Record<string, string>>[]
): Record<string, string> {
  const env: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  for (const [name, value] of Object.entries(settings.environment)) {
    if (value !== undefined && !isOwn(name) && settings.inherit.some((listed) => matches(listed, name))) {
      env[name] = value;
    }
  }
  for (const layer of layers) Object.assign(env, layer);
  return env;
}

function matches(listed: string, name: string): boolean {
  return listed.endsWith('*') ? name.startsWith(listed.slice(0, -1)) : name === listed;
}

function isOwn(name: string): boolean {
  return name.toUpperCase().startsWith('PLAYHEAD_');
}
