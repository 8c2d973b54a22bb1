import type { CaptureSize } from './capture.ts';
import type { ShellLimits } from './shell-input.ts';

/** How computers are run. Durations are ms, sizes bytes. */
export interface ComputerSettings {
  /** Folder of what outlives a computer: profiles, pictures. */
  readonly folder: string;
  /** Folder of the computers' own folders, which a sandbox may open to commands. */
  readonly workspaces: string;
  /** Computers at once: of all tenants, and of one. */
  readonly maxRunning: number;
  readonly maxPerTenant: number;
  /** Without use. */
  readonly idleMs: number;
  /** In all; and the most that either may be set to. */
  readonly lifetimeMs: number;
  readonly maxLifetimeMs: number;
  /** How long before its end a computer's stream says so. */
  readonly noticeMs: number;
  /** Of one action, the wait behind others included. */
  readonly actionMs: number;
  /** The longest `wait`. */
  readonly maxWaitMs: number;
  /** Actions of one computer that wait or go on. */
  readonly maxActions: number;
  readonly shell: ShellLimits;
  readonly pictureMs: number;
  readonly pictureBytes: number;
  /** Of one downloaded file, and of all files of a computer. */
  readonly downloadBytes: number;
  readonly downloadsBytes: number;
  /** Profiles that a tenant may keep. */
  readonly maxContexts: number;
  readonly viewport: { readonly width: number; readonly height: number; readonly scale: number };
  /** How tabs are filmed. */
  readonly picture: CaptureSize;
  /** Whether watching the documented streams counts as use, too (D-31). */
  readonly watchingRenews: boolean;
  /** Of one computer, told and not yet committed. */
  readonly uncommittedBytes: number;
  readonly retryMs: number;
  readonly storagePatienceMs: number;
  /** How long after its end a computer is forgotten and its stream deleted, and after its last use a profile. */
  readonly keepMs: number;
}

export const COMPUTER_DEFAULTS: Omit<ComputerSettings, 'folder' | 'workspaces'> = {
  maxRunning: 16,
  maxPerTenant: 8,
  idleMs: 120_000,
  lifetimeMs: 24 * 3_600_000,
  maxLifetimeMs: 7 * 24 * 3_600_000,
  noticeMs: 30_000,
  actionMs: 30_000,
  maxWaitMs: 60_000,
  maxActions: 100,
  shell: { timeoutMs: 120_000, maxTimeoutMs: 3_600_000, outputBytes: 16 * 1024 * 1024 },
  pictureMs: 15 * 60_000,
  pictureBytes: 256 * 1024 * 1024,
  downloadBytes: 256 * 1024 * 1024,
  downloadsBytes: 1024 * 1024 * 1024,
  maxContexts: 100,
  viewport: { width: 1280, height: 720, scale: 1 },
  picture: { maxWidth: 1920, maxHeight: 1080, quality: 60 },
  watchingRenews: false,
  uncommittedBytes: 4 * 1024 * 1024,
  retryMs: 500,
  storagePatienceMs: 60_000,
  keepMs: 30 * 24 * 3_600_000,
};
