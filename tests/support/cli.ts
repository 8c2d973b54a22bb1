import { type ChildProcess, spawn } from 'node:child_process';
import { createHeard, type Heard } from './heard.ts';
import { nodeProgram, ROOT } from './node-program.ts';
import type { TestServer } from './server.ts';
import { within } from './within.ts';

export interface CliOptions {
  /** What it reads on stdin; nothing by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface CliEnd {
  /** The exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `playhead` command that runs. */
export class RunningCli implements Disposable {
  readonly child: ChildProcess;
  readonly end: Promise<CliEnd>;
  stdout = '';
  stderr = '';
  readonly #heard: Heard = createHeard(() => `${this.stdout}\n${this.stderr}`);

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, options: CliOptions) {
    this.child = spawn(nodeProgram(), [`${ROOT}packages/server/bin/playhead.js`, ...args], {
      cwd: options.cwd ?? ROOT,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#heard.came();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#heard.came();
    });
    const ended = new Promise<CliEnd>((resolve) => {
      this.child.once('close', (code) => {
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        this.#heard.over(`playhead ended (${code})`);
      });
    });
    this.end = within(ended, () => `the end of playhead ${args.join(' ')}\n${this.stdout}\n${this.stderr}`);
    // Awaited by whoever wants it; a test that fails before must not fail twice.
    this.end.catch(() => undefined);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Waits until stdout or stderr holds a text. */
  async says(text: string): Promise<void> {
    const said = (): boolean => this.stdout.includes(text) || this.stderr.includes(text);
    await this.#heard.when(() => said() || undefined, `${text} from playhead`);
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}

/** Starts a command that talks to a server. Its stdin stays open. */
export function startCli(server: TestServer, args: readonly string[], options: CliOptions = {}): RunningCli {
  return new RunningCli(args, { PLAYHEAD_URL: server.url, PLAYHEAD_API_KEY: server.key }, options);
}

/** Runs a command that talks to a server, to its end. */
export function cli(server: TestServer, args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  const running = startCli(server, args, options);
  running.child.stdin?.end(options.input ?? '');
  return running.end;
}

/** Runs a command that knows of no server. */
export function bareCli(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  const running = new RunningCli(args, {}, options);
  running.child.stdin?.end(options.input ?? '');
  return running.end;
}
