import { LaunchFailure, type Launcher, type LaunchSpec, type RunningProcess } from './launcher.ts';

export interface LauncherChoice {
  readonly direct: Launcher;
  /** Made with the first process that needs it; why there is none, where there is none. */
  readonly sandbox: () => Promise<Launcher | string>;
  /** Everything runs in the sandbox. */
  readonly required: boolean;
}

/** Runs each process in the sandbox where the server or its confinement demands that, and else directly. */
export function chooseLauncher({ direct, sandbox, required }: LauncherChoice): Launcher {
  async function launch(spec: LaunchSpec): Promise<RunningProcess> {
    const { sandboxed = false, offline = false } = spec.confinement ?? {};
    if (required || sandboxed) {
      const found = await sandbox();
      if (typeof found === 'string')
        throw new LaunchFailure('not-permitted', `There is no sandbox. ${found}`);
      return found.launch(spec);
    }
    // Never run with less than was asked for.
    if (offline)
      throw new LaunchFailure('not-permitted', 'Only the sandbox can keep a command off the network.');
    return direct.launch(spec);
  }
  // A sandboxed process is told from a later one of the same id as any other.
  return { name: required ? 'sandbox' : 'direct', launch, reap: (identity) => direct.reap(identity) };
}
