import type { Settings } from '../runtime/settings.ts';
import { join } from 'node:path';

/** Where projects are that were made without a root. */
export function projectsFolder({ projects, data }: Settings): string {
  return projects ?? join(data, 'projects');
}
