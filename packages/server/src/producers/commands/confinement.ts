import { resolve } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { Confinement } from '../../launcher/launcher.ts';
import { FIRST_TENANT, type Project } from './projects.ts';

/** What this server keeps all commands to. A project may be stricter, never laxer. */
export interface ConfinementSettings {
  readonly launcher: 'direct' | 'sandbox';
  /** Whether sandboxed commands have the host's network. */
  readonly network: boolean;
  /** Why there is no sandbox on this machine; undefined if there is one. */
  readonly problem: () => Promise<string | undefined>;
}

/** Of a project; null: as the server has it. */
export interface ConfinementChoice {
  readonly launcher: 'direct' | 'sandbox' | null;
  readonly network: boolean | null;
}

/**
 * What a project's commands are kept to. Throws `forbidden` if they are not this tenant's to run: outside of the
 * sandbox only the default tenant's are (D-19), also with a key from when the server still had one.
 */
export function confinementOf(
  settings: ConfinementSettings,
  tenant: string,
  project: Pick<Project, 'root' | 'launcher' | 'network'>,
): Confinement {
  const sandboxed = settings.launcher === 'sandbox' || project.launcher === 'sandbox';
  if (tenant !== FIRST_TENANT && !sandboxed) {
    throw new PlayheadError(
      'forbidden',
      `Outside of a sandbox only the tenant ${FIRST_TENANT} runs commands.`,
    );
  }
  return { root: resolve(project.root), sandboxed, offline: sandboxed && project.network === false };
}

/** Throws `invalid-request` if a project asks for less than the server demands, or for what it has not. */
export async function checkChoice(settings: ConfinementSettings, choice: ConfinementChoice): Promise<void> {
  if (choice.launcher === 'direct' && settings.launcher === 'sandbox') {
    throw wrong('launcher', 'must be sandbox, as this server demands');
  }
  const sandboxed = (choice.launcher ?? settings.launcher) === 'sandbox';
  if (choice.network === true && sandboxed && !settings.network) {
    throw wrong('network', 'must be false, as this server demands of sandboxed commands');
  }
  if (choice.network === false && !sandboxed) {
    throw wrong('network', 'can be denied to sandboxed commands alone: set launcher to sandbox');
  }
  if (choice.launcher !== 'sandbox') return;
  const problem = await settings.problem();
  if (problem !== undefined) throw wrong('launcher', `there is no sandbox. ${problem}`);
}

function wrong(field: string, what: string): PlayheadError {
  return new PlayheadError('invalid-request', `${field}: ${what}`, { extensions: { field } });
}
