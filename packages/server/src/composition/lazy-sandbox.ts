import { mkdir } from 'node:fs/promises';
import type { Launcher } from '../launcher/launcher.ts';
import { createSandboxLauncher } from '../launcher/sandbox/sandbox-launcher.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Settings } from '../runtime/settings.ts';
import { projectsFolder } from './projects-folder.ts';

/** Made once, when something needs it first: a server without sandboxed projects needs no bubblewrap. */
export function lazySandbox({ settings, clock, logger }: SandboxParts, launcher: Launcher): LazySandbox {
  let made: ReturnType<LazySandbox> | undefined;
  async function make(): Promise<Launcher | string> {
    const projects = projectsFolder(settings);
    await mkdir(projects, { recursive: true });
    return createSandboxLauncher({
      ...{ launcher, clock, logger, projects, data: settings.data },
      settings: {
        network: settings.sandboxNetwork,
        memoryBytes: settings.sandboxMemoryBytes,
        processes: settings.sandboxProcesses,
        fileBytes: settings.sandboxFileBytes,
        paths: settings.sandboxPaths,
        cgroup: settings.sandboxCgroup,
      },
    });
  }
  return () => (made ??= make());
}

/** The launcher, or why there is none on this machine. */
export type LazySandbox = () => Promise<Launcher | string>;

interface SandboxParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
}
