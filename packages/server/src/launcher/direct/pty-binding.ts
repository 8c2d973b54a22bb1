import type * as NodeFfi from 'node:ffi';
import { createRequire } from 'node:module';
import { withoutWarning } from './without-warning.ts';

/**
 * What this package asks of node-pty's native part. Its JavaScript part is left out, because it breaks three
 * promises of the launcher port: it closes the terminal 200 ms after the process has ended, read or not, so a
 * reader that holds back loses output; it adds to the environment; and its writes spin while the process does not
 * read its input, which stops the whole server.
 */
interface Binding {
  /** Throws if there is no terminal left. `exited` gets the status, or the number of the signal. */
  fork(
    file: string,
    args: readonly string[],
    env: readonly string[],
    cwd: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helper: string,
    exited: (code: number, signal: number) => void,
  ): { readonly fd: number; readonly pid: number };
  resize(fd: number, columns: number, rows: number): void;
}

interface Terminal {
  /** Of the keyboard's side. Does not block. */
  readonly fd: number;
  readonly pid: number;
}

export interface ForkOptions {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly columns: number;
  readonly rows: number;
  readonly exited: (code: number, signal: number) => void;
}

const require = createRequire(import.meta.url);
let loaded: Binding | undefined;

/** Loaded with the first terminal: a server without any does without it. */
function binding(): Binding {
  if (loaded !== undefined) return loaded;
  const { requireBinary } = require('@lydell/node-pty/requireBinary.js') as {
    readonly requireBinary: (file: string) => Binding;
  };
  loaded = requireBinary('pty.node');
  return loaded;
}

/** Starts a process as the leader of a session whose terminal is new. Throws what the system says. */
export function forkInTerminal({ argv, env, cwd, columns, rows, exited }: ForkOptions): Terminal {
  const [file, ...args] = argv;
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { fd, pid } = binding().fork(file, args, pairs, cwd, columns, rows, -1, -1, true, helper(), exited);
  closeOnExec(fd);
  return { fd, pid };
}

export function resizeTerminal(fd: number, columns: number, rows: number): void {
  binding().resize(fd, columns, rows);
}

// macOS starts processes through a program that comes with the binding.
function helper(): string {
  if (process.platform !== 'darwin') return '';
  return require.resolve(`@lydell/node-pty-darwin-${process.arch}/spawn-helper`);
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;
let fcntl: ((fd: number, command: number, argument: number) => number) | null | undefined;

/**
 * Keeps the keyboard's side out of the processes that are started later: the binding does not, and whoever has it
 * reads along and types. Only Linux needs it (macOS starts processes with nothing but what it is given), and only
 * a Node with `node:ffi` can; with an older one, commands of one server can reach each other's terminals.
 */
function closeOnExec(fd: number): void {
  if (process.platform !== 'linux') return;
  if (fcntl === undefined) {
    const ffi = withoutWarning(
      'FFI',
      () => process.getBuiltinModule('node:ffi') as typeof NodeFfi | undefined,
    );
    const signature = { return: 'i32', arguments: ['i32', 'i32', 'i32'] } as const;
    fcntl = ffi?.dlopen(null, { fcntl: signature }).functions.fcntl ?? null;
  }
  fcntl?.(fd, F_SETFD, FD_CLOEXEC);
}
