import { mkdir, realpath, rm, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  LaunchFailure,
  type Launcher,
  type LaunchSpec,
  type ProcessExit,
  type RunningProcess,
} from '../launcher.ts';
import { type Cgroup, type Cgroups, findCgroups } from './cgroups.ts';
import { type HostView, viewHost } from './host-view.ts';
import { openReport, type Report } from './read-report.ts';
import { requireProgram } from './require-program.ts';
import { type RootRule, rootProblem } from './root-rule.ts';
import { type SandboxLimits, sandboxed } from './sandboxed.ts';

export interface SandboxParts {
  /** What starts processes, with pipes or in a terminal. The sandbox is what it starts. */
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The server's folder, and that of its projects; they exist. */
  readonly data: string;
  readonly projects: string;
  readonly settings: SandboxSettings;
}

export interface SandboxSettings extends SandboxLimits {
  /** The host's network, for who is not denied it. */
  readonly network: boolean;
  /** Further folders that commands may read. */
  readonly paths: readonly string[];
  /** A folder of cgroup v2 that was delegated to the server. */
  readonly cgroup: string | undefined;
}

/** Between two tries to remove a group whose last process is just ending, ms. */
const REMOVE_AGAIN_MS = 200;
const REMOVE_TRIES = 50;
/** Of what a sandbox that could not be set up has said, characters. */
const WORDS_MAX = 2_000;

/**
 * Runs processes in sandboxes of bubblewrap (ADR 0007): what they may read and write, whom they see, and what they
 * may use is in `sandboxed.ts`. Proven by running one before this resolves. Where it cannot work, resolves with a
 * sentence that says what to do.
 */
export async function createSandboxLauncher(parts: SandboxParts): Promise<Launcher | string> {
  const { settings, logger } = parts;
  const rule = { data: await realpath(parts.data), projects: await realpath(parts.projects) };
  const host = viewHost({ paths: settings.paths, hidden: [rule.data, rule.projects] });
  if (typeof host === 'string') return host;
  let cgroups: Cgroups | undefined;
  try {
    cgroups = findCgroups(settings.cgroup);
  } catch (error) {
    return `The cgroup ${settings.cgroup} cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
  }
  const reports = join(rule.data, 'sandbox');
  // What a crash left of them says nothing to anybody.
  await rm(reports, { recursive: true, force: true });
  await mkdir(reports, { mode: 0o700 });
  const sandbox = new Sandbox(parts, { host, cgroups, reports, rule });
  const problem = await sandbox.prove();
  if (problem !== undefined) return problem;
  logger.info(
    { memoryBytes: settings.memoryBytes, processes: settings.processes, by: cgroups?.kind ?? 'rlimits' },
    'the sandbox works',
  );
  if (cgroups === undefined) {
    logger.warn(
      {},
      host.uid === 0
        ? 'the sandbox bounds the memory of each process, but neither the number of processes nor what they use together: the server is root and has no cgroup'
        : 'the sandbox bounds the memory of each process, not what all of a command use together: there is no cgroup to do it',
    );
  }
  return {
    name: 'sandbox',
    launch: (spec) => sandbox.launch(spec),
    reap: (identity) => parts.launcher.reap(identity),
  };
}

interface Ground {
  readonly host: HostView;
  readonly cgroups: Cgroups | undefined;
  readonly reports: string;
  readonly rule: RootRule;
}

class Sandbox {
  readonly #parts: SandboxParts;
  readonly #ground: Ground;

  constructor(parts: SandboxParts, ground: Ground) {
    this.#parts = parts;
    this.#ground = ground;
  }

  async launch(spec: LaunchSpec): Promise<RunningProcess> {
    const { confinement } = spec;
    const { host, rule } = this.#ground;
    const root = await requireFolder(confinement?.root ?? spec.cwd);
    const problem = rootProblem(root, rule);
    if (problem !== undefined) throw new LaunchFailure('not-permitted', problem);
    await requireFolder(spec.cwd);
    const program = await requireProgram(spec, host, root);
    const network = this.#parts.settings.network && confinement?.offline !== true;
    return this.#start({ ...spec, argv: [program, ...spec.argv.slice(1)] }, root, network);
  }

  /** Why no sandbox can be made here; undefined if one can. */
  async prove(): Promise<string | undefined> {
    const { host, reports } = this.#ground;
    const spec = { argv: [host.shell, '-c', 'exit 7'], cwd: reports, env: {} } as const;
    try {
      const child = await this.#start(spec, reports, false);
      child.stdout.resume();
      child.stderr.resume();
      const exit = await child.exited;
      if (exit.kind === 'exited' && exit.code === 7) return undefined;
      return `A command in the sandbox should have ended with 7, and ${JSON.stringify(exit)} came of it.`;
    } catch (error) {
      if (!(error instanceof LaunchFailure)) throw error;
      const words = error.cause instanceof Error ? error.cause.message : error.message;
      return (
        `This machine makes no sandbox (${words.trim()}). bubblewrap 0.8 or later and GNU coreutils 8.31 or later are ` +
        'needed, and processes must be allowed to make user namespaces: see user.max_user_namespaces, ' +
        'kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, and in a container its ' +
        'seccomp profile and masked paths.'
      );
    }
  }

  async #start(spec: LaunchSpec, root: string, network: boolean): Promise<RunningProcess> {
    const { launcher, settings: limits } = this.#parts;
    const { host, cgroups, reports } = this.#ground;
    await using stack = new AsyncDisposableStack();
    const report = stack.use(await openReport(reports));
    const group = makeGroup(cgroups, limits);
    stack.defer(() => this.#remove(group));
    const groups = group?.entrances ?? [];
    const grant = { host, root, network, limits, groups, report: report.path };
    const child = await launcher.launch(sandboxed(spec, grant));
    const first = await Promise.race([report.started.then(() => 'started' as const), child.exited]);
    // A short command may be over before anybody was told that it started.
    if (first !== 'started' && !(await report.hasStarted())) throw await this.#notSetUp(child);
    return confine(child, report, stack.move());
  }

  async #notSetUp(child: RunningProcess): Promise<LaunchFailure> {
    const words = (await Promise.all([firstWords(child.stderr), firstWords(child.stdout)])).join('');
    this.#parts.logger.error({ words }, 'a sandbox could not be set up');
    return new LaunchFailure('no-resources', 'The sandbox could not be set up.', new Error(words));
  }

  #remove(group: Cgroup | undefined, tries: number = REMOVE_TRIES): void {
    if (group === undefined || group.remove() || tries === 0) return;
    this.#parts.clock.after(REMOVE_AGAIN_MS, () => this.#remove(group, tries - 1));
  }
}

function makeGroup(cgroups: Cgroups | undefined, limits: SandboxLimits): Cgroup | undefined {
  try {
    return cgroups?.make(limits);
  } catch (error) {
    throw new LaunchFailure('no-resources', 'The limits of the sandbox could not be set up.', error);
  }
}

/** The process outside stands for the command inside, but for how that ended. */
function confine(child: RunningProcess, report: Report, held: AsyncDisposableStack): RunningProcess {
  const sent = new Set<NodeJS.Signals>();
  async function exit(): Promise<ProcessExit> {
    const outer = await child.exited;
    await using _held = held;
    return await report.exit(outer, sent);
  }
  return {
    identity: child.identity,
    stdout: child.stdout,
    stderr: child.stderr,
    exited: exit(),
    ...(child.terminal === undefined ? {} : { terminal: child.terminal }),
    signal(name) {
      sent.add(name);
      child.signal(name);
    },
  };
}

async function firstWords(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) {
    text += String(piece);
    if (text.length > WORDS_MAX) break;
  }
  return text.slice(0, WORDS_MAX);
}

async function requireFolder(path: string): Promise<string> {
  if (!isAbsolute(path))
    throw new LaunchFailure('folder-not-found', 'The working directory is not absolute.');
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new LaunchFailure('folder-not-found', 'The working directory does not exist.', error);
  }
  throw new LaunchFailure('folder-not-found', 'The working directory is not a directory.');
}
