import { projectsFolder } from './projects-folder.ts';
import { COMPUTER_DEFAULTS, type ComputerSettings } from '../producers/computers/settings.ts';
import type { Settings } from '../runtime/settings.ts';
import { join } from 'node:path';

export function computerSettings(settings: Settings): ComputerSettings {
  return {
    ...COMPUTER_DEFAULTS,
    folder: join(settings.data, 'computers'),
    // No project has such a name.
    workspaces: join(projectsFolder(settings), '~computers'),
    maxRunning: settings.computerMaxRunning,
    maxPerTenant: settings.computerMaxPerTenant,
    idleMs: settings.computerIdleMs,
    lifetimeMs: settings.computerLifetimeMs,
    maxLifetimeMs: settings.computerMaxLifetimeMs,
    noticeMs: settings.computerNoticeMs,
    actionMs: settings.computerActionMs,
    shell: { ...COMPUTER_DEFAULTS.shell, outputBytes: settings.computerExecLimit },
    pictureMs: settings.computerPictureMs,
    pictureBytes: settings.computerPictureLimit,
    downloadBytes: settings.computerDownloadLimit,
    downloadsBytes: settings.computerDownloadTotalLimit,
    maxContexts: settings.computerMaxContexts,
    watchingRenews: settings.computerWatchingRenews,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
  };
}
