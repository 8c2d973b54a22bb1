import { isAbsolute, normalize } from 'node:path';
import type { LaunchSpec } from '../launcher.ts';
import type { HostView, Mount } from './host-view.ts';
import { isWithin } from './is-within.ts';

/** What one process is given, and no more. */
export interface SandboxGrant {
  readonly host: HostView;
  /** Absolute, without symbolic links; holds `cwd`. The only folder of the host that can be written to. */
  readonly root: string;
  /** The host's network, its loopback included; else an own one with nothing in it. */
  readonly network: boolean;
  readonly limits: SandboxLimits;
  /** `cgroup.procs` of the groups that bound it; empty where there are none. */
  readonly groups: readonly string[];
  /** A file that exists, for what the inner shell has to say (`read-report.ts`). Not reachable from inside. */
  readonly report: string;
}

/** Bytes; and a number of threads of all processes of one command together. */
export interface SandboxLimits {
  readonly memoryBytes: number;
  readonly processes: number;
  readonly fileBytes: number;
}

/** The user inside if the server is root: an ordinary one, so that no program tries what only root can. */
const NOBODY = 65_534;

/** What runtimes map for themselves and do not use: of their own, and of address space. */
const MAPPED_BYTES = 2 ** 30;
const RESERVED_BYTES = 16 * 2 ** 30;

/** What the processes around the command must outlive: they have to tell how it ended. SIGKILL ends them all. */
const SIGNALS = 'HUP INT QUIT ABRT USR1 USR2 PIPE ALRM TERM TSTP TTIN TTOU VTALRM PROF XCPU XFSZ';

/** Around the sandbox: opens the report, enters the groups, becomes bwrap. */
const OUTSIDE = `trap '' ${SIGNALS}
exec 3>"$1" || exit 125
shift
while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done
shift
exec "$@"`;

/** Variables that a shell sets by itself, and bwrap. */
const OF_SHELLS = ['PWD', 'OLDPWD', 'SHLVL', '_'];
/** Those that some shell refuses to set. */
const REFUSED = /^(?:UID|EUID|PPID|GROUPS|FUNCNAME|DIRSTACK|SHELLOPTS|BASHOPTS|BASH.*)$/;

/**
 * The same process in a sandbox, for whatever starts processes, with pipes or in a terminal:
 *
 *   sh (outside) ═▶ bwrap ─▶ bwrap (pid 1 inside) ─▶ prlimit ═▶ sh ─▶ env ═▶ the command      ═▶ exec, ─▶ fork
 *
 * All of them are one session and group, that of the process which is started: so signals to it reach the command,
 * and those on the way ignore what can be ignored. When the command ends, pid 1 does, and with it everything inside.
 *
 * Nothing that a caller chose is in effect outside the sandbox. The environment travels under harmless names and
 * gets its own only inside, because `LD_PRELOAD` would run code in the shell outside; it is never in arguments
 * either, which everybody on the host can read.
 */
export function sandboxed(spec: LaunchSpec, grant: SandboxGrant): LaunchSpec {
  const { host, report, groups } = grant;
  const names = Object.keys(spec.env);
  const carried = Object.fromEntries(names.map((name, i) => [carrier(i), `${name}=${spec.env[name] ?? ''}`]));
  const { confinement: _confinement, ...rest } = spec;
  return {
    ...rest,
    argv: [
      host.shell,
      '-c',
      OUTSIDE,
      'sh',
      report,
      ...groups,
      '--',
      host.bwrap,
      ...boundaries(grant),
      ...mounts(spec, grant),
      '--chdir',
      spec.cwd,
      '--',
      host.prlimit,
      ...limits(grant),
      '--',
      host.shell,
      '-c',
      inside(host, names),
      'sh',
      ...command(spec.argv, host),
    ],
    cwd: '/',
    env: carried,
  };
}

function boundaries({ host, network }: SandboxGrant): string[] {
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    ...(network ? [] : ['--unshare-net']),
    // A user namespace of its own would hand back every capability inside it, and with them most of the kernel.
    '--disable-userns',
    ...(host.uid === 0 ? ['--uid', String(NOBODY), '--gid', String(NOBODY)] : []),
    ...['--cap-drop', 'ALL', '--hostname', 'sandbox', '--die-with-parent'],
  ];
}

function mounts(spec: LaunchSpec, { host, root, limits: { memoryBytes } }: SandboxGrant): string[] {
  // Files in memory count as memory where groups bound it; where none do, this does.
  const memory = (path: string): string[] => [
    '--perms',
    '1777',
    '--size',
    String(memoryBytes),
    '--tmpfs',
    path,
  ];
  const home = homeOf(spec, host, root);
  const empty = host.mounts.filter(({ kind }) => kind === 'empty').map(({ path }) => path);
  return [
    ...['--proc', '/proc', '--dev', '/dev', ...memory('/dev/shm'), ...memory('/tmp')],
    ...['--dir', '/run', '--symlink', '../tmp', '/var/tmp'],
    ...host.mounts.flatMap(mountArguments),
    ...(home === undefined ? [] : ['--size', String(memoryBytes), '--tmpfs', home]),
    ...['--bind', root, root],
    // Last, because mount points are made in them. Of /proc it closes what the kernel lets the host's root write
    // whatever namespace it is in (/proc/sys holds a program that the kernel runs as root, outside).
    ...[...empty, '/proc', '/dev', '/'].flatMap((path) => ['--remount-ro', path]),
  ];
}

function mountArguments(mount: Mount): string[] {
  switch (mount.kind) {
    case 'read':
      return ['--ro-bind', mount.path, mount.path];
    case 'link':
      return ['--symlink', mount.target, mount.path];
    case 'empty':
      return ['--tmpfs', mount.path];
  }
}

/** A home that is empty and gone at the end, where nothing else stands. */
function homeOf(spec: LaunchSpec, host: HostView, root: string): string | undefined {
  const named = spec.env['HOME'];
  if (named === undefined || !isAbsolute(named)) return undefined;
  const home = normalize(named).replace(/\/$/, '');
  const taken = ['/proc', '/dev', '/tmp', '/run', '/var/tmp', root, ...host.mounts.map(({ path }) => path)];
  if (home === '' || taken.some((path) => isWithin(path, home))) return undefined;
  // It would hide what lies in it, but for the project, which is mounted behind it.
  return taken.some((path) => path !== root && isWithin(home, path)) ? undefined : home;
}

function limits({ limits: { memoryBytes, processes, fileBytes }, groups }: SandboxGrant): string[] {
  return [
    '--core=0',
    `--fsize=${fileBytes}`,
    `--nproc=${processes}`,
    // Where no group bounds the memory of all, each process is bounded, roughly: the kernel counts what is mapped,
    // and a runtime maps half a gigabyte for its code and reserves ten for one module of WebAssembly.
    ...(groups.length > 0
      ? []
      : [`--data=${memoryBytes + MAPPED_BYTES}`, `--as=${memoryBytes + RESERVED_BYTES}`]),
  ];
}

/**
 * In the sandbox: says `started`, gives the command its environment and signals, and says how it ended. A shell
 * names the signal of a signalled child on its own error output, in words that nobody reads here: that there are
 * any is what tells `128+n` of a signal from the same number as an exit code. The parentheses keep the command's
 * own redirections from the shell that speaks.
 */
function inside(host: HostView, names: readonly string[]): string {
  const set: string[] = [];
  const given: string[] = [];
  for (const [i, name] of names.entries()) (REFUSED.test(name) ? given : set).push(`"$${carrier(i)}"`);
  const unset = OF_SHELLS.filter((name) => !names.includes(name)).flatMap((name) => ['-u', name]);
  const carriers = names.flatMap((_, i) => ['-u', carrier(i)]);
  return `echo started >&3
exec 4>&2 2>&3
${set.length === 0 ? '' : `export ${set.join(' ')}`}
(exec ${[host.env, '--default-signal', ...unset, ...carriers, ...given].join(' ')} "$@" 2>&4 3>&- 4>&-)
code=$?
echo "ended $code" >&3
exit "$code"`;
}

/** `env` takes a first word with `=` for a variable. */
function command(argv: LaunchSpec['argv'], host: HostView): readonly string[] {
  return argv[0].includes('=') ? [host.shell, '-c', 'exec "$@"', 'sh', ...argv] : argv;
}

/** Callers cannot name variables like this. */
function carrier(index: number): string {
  return `PLAYHEAD_CARRIED_${index}`;
}
