import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { Readable, Writable } from 'node:stream';
import {
  LaunchFailure,
  type Launcher,
  type LaunchSpec,
  type ProcessChannel,
  type ProcessExit,
  type ProcessIdentity,
  type Reaped,
  type RunningProcess,
} from '../launcher.ts';
import { codeOf, exists, identify, stillRuns } from './process-identity.ts';
import { signalGroup } from './process-group.ts';
import { launchInTerminal } from './terminal-process.ts';

/**
 * Runs processes as the server's own user, with all that this user may do: no sandbox (D-19). Each is the leader
 * of a session and group of its own, with exactly the environment that was given; without a terminal and with an
 * empty input, unless a terminal is asked for.
 */
export function createDirectLauncher(): Launcher {
  return { name: 'direct', launch, reap };
}

async function launch(spec: LaunchSpec): Promise<RunningProcess> {
  // A missing folder and a missing program both give ENOENT, so the folder is asked first.
  await requireFolder(spec.cwd);
  if (spec.terminal !== undefined) return launchInTerminal(spec, spec.terminal);
  const [program, ...args] = spec.argv;
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: spec.cwd,
      env: spec.env,
      stdio: ['ignore', 'pipe', 'pipe', ...(spec.channel === true ? (['pipe', 'pipe'] as const) : [])],
      detached: true,
    });
  } catch (error) {
    throw failure(program, error);
  }
  const { pid } = child;
  if (pid === undefined) {
    throw await new Promise<LaunchFailure>((resolve) => {
      child.once('error', (error) => resolve(failure(program, error)));
    });
  }
  // Read before the event loop can collect the child: until then even a dead one keeps its entry.
  return new DirectProcess(child, identify(pid));
}

class DirectProcess implements RunningProcess {
  readonly identity: ProcessIdentity;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ProcessExit>;
  readonly channel?: ProcessChannel;
  #collected = false;
  #gone = false;

  constructor(child: ChildProcess, identity: ProcessIdentity) {
    this.identity = identity;
    const [, stdout, stderr, input, output] = child.stdio;
    if (!(stdout instanceof Readable) || !(stderr instanceof Readable))
      throw new TypeError('There is no pipe.');
    this.stdout = stdout;
    this.stderr = stderr;
    if (input instanceof Writable && output instanceof Readable) this.channel = { input, output };
    // When a process ends, Node sets everything in `stdio` flowing, read or not, paused or not: what nobody has
    // read yet would be thrown away, and a reader that holds back (D-2) would be flooded. It finds nothing here.
    Object.defineProperty(child, 'stdio', { value: [] });
    // A process that started can still give `error`, when a signal could not be sent; we send none through it.
    child.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#collected = true;
        resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signalled', name: signal });
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    // The kernel gives no new process an id that a group still bears. So if, after the leader was collected,
    // a process has its id, the group had ended before, and what bears the id now is a stranger.
    if (this.#collected && exists(this.identity.pid)) this.#gone = true;
    if (!this.#gone && !signalGroup(this.identity.pid, name)) this.#gone = true;
  }
}

async function reap(identity: ProcessIdentity): Promise<Reaped> {
  const runs = stillRuns(identity);
  if (runs === false) return 'gone';
  if (runs === 'unproven') return 'unproven';
  return signalGroup(identity.pid, 'SIGKILL') ? 'killed' : 'gone';
}

async function requireFolder(path: string): Promise<void> {
  let folder: boolean;
  try {
    folder = (await stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'EACCES') {
      throw new LaunchFailure('not-permitted', 'The working directory is not accessible.', error);
    }
    throw new LaunchFailure('folder-not-found', 'The working directory does not exist.', error);
  }
  if (!folder) throw new LaunchFailure('folder-not-found', 'The working directory is not a directory.');
}

function failure(program: string, error: unknown): LaunchFailure {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new LaunchFailure('program-not-found', `There is no program ${program}.`, error);
    case 'EACCES':
    case 'EPERM':
    case 'ENOEXEC':
      return new LaunchFailure('not-permitted', `The program ${program} may not be run.`, error);
    case 'E2BIG':
      return new LaunchFailure('no-resources', 'The arguments and environment are too large to run.', error);
    default:
      return new LaunchFailure(
        'no-resources',
        'The system has no resources left for another process.',
        error,
      );
  }
}
