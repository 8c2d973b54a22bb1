import type { ConfinementSettings } from './confinement.ts';

/** How commands are run. Durations are ms, sizes bytes. */
export interface CommandSettings {
  /** Folder of the projects that are made without a root. */
  readonly projectsFolder: string;
  /** The server's own environment: what `inherit` names is passed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Names passed on; a `*` at the end stands for any rest. `PLAYHEAD_…` never is. */
  readonly inherit: readonly string[];
  /** What runs shell commands where a project names nothing; default: bash if there is one, else sh. */
  readonly shell?: string;
  /** Program and first arguments of the agent; the prompt comes behind them. Without it `/claude` is 501. */
  readonly agent?: readonly [string, ...string[]];
  readonly confinement: ConfinementSettings;
  /** Where neither the project nor the request says. */
  readonly timeLimitMs: number;
  /** No project and no request may ask for more. */
  readonly maxTimeLimitMs: number;
  /** How long before its time limit a command is told so. */
  readonly noticeMs: number;
  /** Of one command, as encoded (D-6). */
  readonly outputBytes: number;
  /** Commands at once, of all projects. */
  readonly maxRunning: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** How long output is awaited that others hold open after the command itself has ended. */
  readonly lingerMs: number;
  /** Of one command, read but not yet committed. Beyond it, its pipes are not read. */
  readonly uncommittedBytes: number;
  /** First wait before a refused append is tried again. */
  readonly retryMs: number;
  /** How long the log may refuse before a command ends as `failed(storage)`. */
  readonly storagePatienceMs: number;
  /** How long after its end a stream is open to whoever knows its id (D-18). */
  readonly openForMs: number;
  /** How long after its end a command is forgotten, and its stream deleted. */
  readonly keepMs: number;
}

export const COMMAND_DEFAULTS: Omit<CommandSettings, 'projectsFolder' | 'environment'> = {
  inherit: ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'LC_*', 'TZ', 'TERM', 'TMPDIR'],
  confinement: { launcher: 'direct', network: false, problem: () => Promise.resolve(undefined) },
  timeLimitMs: 3_600_000,
  maxTimeLimitMs: 24 * 3_600_000,
  noticeMs: 30_000,
  outputBytes: 128 * 1024 * 1024,
  maxRunning: 256,
  graceMs: 5_000,
  lingerMs: 1_000,
  uncommittedBytes: 4 * 1024 * 1024,
  retryMs: 500,
  storagePatienceMs: 60_000,
  openForMs: 3_600_000,
  keepMs: 30 * 24 * 3_600_000,
};
