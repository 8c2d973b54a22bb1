import type { LazySandbox } from './lazy-sandbox.ts';
import { projectsFolder } from './projects-folder.ts';
import type { Environment } from './environment.ts';
import { COMMAND_DEFAULTS, type CommandSettings } from '../producers/commands/settings.ts';
import type { Settings } from '../runtime/settings.ts';

export function commandSettings(
  settings: Settings,
  environment: Environment,
  sandbox: LazySandbox,
): CommandSettings {
  const { shell, agent } = settings;
  const [program, ...first] = agent;
  return {
    ...COMMAND_DEFAULTS,
    projectsFolder: projectsFolder(settings),
    environment,
    ...(shell === undefined ? {} : { shell }),
    ...(program === undefined ? {} : { agent: [program, ...first] as const }),
    confinement: {
      launcher: settings.launcher === 'sandbox' ? 'sandbox' : 'direct',
      network: settings.sandboxNetwork,
      async problem() {
        const found = await sandbox();
        return typeof found === 'string' ? found : undefined;
      },
    },
    timeLimitMs: settings.commandTimeLimitMs,
    maxTimeLimitMs: settings.commandMaxTimeLimitMs,
    noticeMs: settings.commandNoticeMs,
    outputBytes: settings.commandOutputLimit,
    maxRunning: settings.commandMaxRunning,
    graceMs: settings.commandGraceMs,
    lingerMs: settings.commandLingerMs,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
    openForMs: settings.commandOpenMs,
  };
}
