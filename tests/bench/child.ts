import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { familyOf } from './process-status.ts';
import { programExists } from './program-exists.ts';

export interface ChildSpec {
  readonly argv: readonly string[];
  /** Which core it is bound to; absent: any. Ignored on a machine of one core or without `taskset`. */
  readonly core?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The line that says it can be used. Its first group, if any, is what `ready` gives. */
  readonly ready: RegExp;
  /** How long that line may take, ms. Default 30 s. */
  readonly patience?: number;
}

/** A process that a benchmark started. Disposing ends it, by its id, and waits until it is gone. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** What the ready line held. */
  readonly ready: string;
  /** From spawning to the ready line, ms. */
  readonly startup: number;
}

/** The server has a core of its own, and what measures it another (D-34). */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const hasCores: boolean = availableParallelism() >= 2 && programExists('taskset');
const READY_WITHIN = 30_000;
const GRACE = 5_000;
const KEPT = 65_536;
const running = new Set<ChildProcess>();

// A benchmark that is interrupted leaves nothing running: no handler can wait at exit, so this is the hard way.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(1));

/** Starts a process and waits for its ready line, on stdout or stderr; rejects with what it printed if none comes. */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const began = performance.now();
  const [program = '', ...args] = pinned(spec.argv, spec.core);
  const child = spawn(program, args, {
    cwd: spec.cwd,
    env: spec.env === undefined ? process.env : { PATH: process.env['PATH'], ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void gone.then(() => running.delete(child));
  let printed = '';
  const ready = await new Promise<string>((resolve, reject) => {
    const refuse = (why: string): void =>
      reject(new Error(`${spec.argv.join(' ')}: ${why}\n${printed.slice(-2000)}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      refuse('not ready in time');
    }, spec.patience ?? READY_WITHIN);
    const take = (text: string): void => {
      printed += text;
      const match = spec.ready.exec(printed);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match[1] ?? match[0]);
    };
    // Once it is ready, what it prints is read, so that its pipes never fill, and forgotten.
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding('utf8').on('data', (text: string) => {
        if (printed.length < KEPT) take(text);
      });
    }
    child.once('error', (error) => refuse(error.message));
    child.once('close', (code) => refuse(`ended with ${code}`));
  });
  return {
    pid: child.pid ?? 0,
    ready,
    startup: performance.now() - began,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // Not every parent hands the signal on (`npm start` and its shell), so each of the family gets its own.
      const family = familyOf(child.pid ?? 0);
      for (const pid of family) signal(pid, 'SIGTERM');
      const timer = setTimeout(() => {
        for (const pid of family) signal(pid, 'SIGKILL');
      }, GRACE);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Runs a program to its end and gives its stdout; rejects with its stderr unless it exits 0. */
export async function runToEnd(argv: readonly string[], core?: number): Promise<string> {
  const [program = '', ...args] = pinned(argv, core);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  running.delete(child);
  if (code === 0) return output;
  throw new Error(`${argv[0]} ended with ${code}: ${errors.slice(-2000)}`);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself meanwhile, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function pinned(argv: readonly string[], core: number | undefined): readonly string[] {
  return core === undefined || !hasCores ? argv : ['taskset', '-c', String(core), ...argv];
}
