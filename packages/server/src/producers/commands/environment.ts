import { isOwn } from '../environment-schema.ts';
import type { CommandSettings } from './settings.ts';

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
