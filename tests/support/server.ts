import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeProgram, ROOT } from './node-program.ts';
import { within } from './within.ts';

/** The real server, as a process of its own on an ephemeral loopback port and a data folder of its own. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at the end. The same after a restart. */
  readonly url: string;
  readonly port: number;
  /** The admin key. */
  readonly key: string;
  readonly dataFolder: string;
  readonly pid: number;
  /** All that was written so far, by every process that this server has been. */
  readonly stdout: string;
  readonly stderr: string;
  /** Signals the process and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<ServerExit>;
  /** Starts it anew on the same data folder and port, killing it first if it still runs. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends it gracefully and removes its data folder. Idempotent. */
  stop(): Promise<void>;
}

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerOptions {
  /** Settings (`PLAYHEAD_…`). They win over those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings that the tests give by default and this server shall not have. */
  readonly without?: readonly string[];
  /** Further arguments of `serve`. */
  readonly args?: readonly string[];
}

// Nobody waits for a real interval in a test (D-34).
const SHORT_INTERVALS: Readonly<Record<string, string>> = {
  PLAYHEAD_HEARTBEAT_MS: '150',
  PLAYHEAD_RETRY_MS: '100',
  PLAYHEAD_CAMERA_PORT: '0',
  PLAYHEAD_COMMAND_GRACE_MS: '500',
  PLAYHEAD_COMMAND_LINGER_MS: '300',
  // All tests come from one address, and many send wrong keys on purpose.
  PLAYHEAD_FAILURE_LIMIT: '100000',
};

// A failed test file must not leave servers behind; their commands die with them or at their next start.
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Starts a server and waits for the one line on stdout that holds its URL. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'playhead-test-'));
  const key = `rdev_${randomBytes(24).toString('base64url')}`;
  const server = new Server(dataFolder, key, options);
  try {
    await server.restart();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements TestServer {
  readonly dataFolder: string;
  readonly key: string;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #gone: Promise<ServerExit> = Promise.resolve({ code: null, signal: null });
  /** A test asked for its end; any other end is worth a word. */
  #ending = false;
  #port = 0;
  #out: string[] = [];
  #err: string[] = [];

  constructor(dataFolder: string, key: string, options: ServerOptions) {
    this.dataFolder = dataFolder;
    this.key = key;
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  get stdout(): string {
    return this.#out.join('');
  }

  get stderr(): string {
    return this.#err.join('');
  }

  async kill(signal: NodeJS.Signals): Promise<ServerExit> {
    this.#ending = true;
    this.#child?.kill(signal);
    return within(this.#gone, () => `the server to end after ${signal}\n${this.stderr.slice(-2000)}`);
  }

  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#child !== undefined) await this.kill('SIGKILL');
    const child = spawn(
      nodeProgram(),
      ['packages/server/src/main.ts', 'serve', ...(this.#options.args ?? [])],
      {
        cwd: ROOT,
        env: this.#environment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#child = child;
    // One that does not even start is told by `restart` itself.
    this.#ending = true;
    alive.add(child);
    this.#gone = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        alive.delete(child);
        if (!this.#ending)
          process.stderr.write(
            `the server ended by itself (${code ?? signal})\n${this.stderr.slice(-5000)}\n`,
          );
        if (this.#child === child) this.#child = undefined;
        resolve({ code, signal });
      });
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#err.push(text));
    this.#port = await within(this.#listening(child), () => `the server's URL\n${this.stdout}${this.stderr}`);
    this.#ending = false;
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) {
      this.#ending = true;
      this.#child.kill('SIGTERM');
      const patience = setTimeout(() => this.#child?.kill('SIGKILL'), 10_000);
      await this.#gone;
      clearTimeout(patience);
    }
    await rm(this.dataFolder, { recursive: true, force: true, maxRetries: 3 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // Settings of whoever runs the tests stay out: an unknown one would stop the server, a known one bend it.
  #environment(env: Readonly<Record<string, string>>): Record<string, string> {
    const own: Record<string, string> = {};
    for (const name of ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ']) {
      const value = process.env[name];
      if (value !== undefined) own[name] = value;
    }
    const settings: Record<string, string> = {
      PLAYHEAD_DATA: this.dataFolder,
      PLAYHEAD_API_KEY: this.key,
      PLAYHEAD_PORT: String(this.#port),
      ...SHORT_INTERVALS,
    };
    for (const name of this.#options.without ?? []) delete settings[name];
    return { ...own, ...settings, ...this.#options.env, ...env };
  }

  #listening(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
      let text = '';
      child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
        this.#out.push(piece);
        text += piece;
        const found = /https?:\/\/\S+?:(\d+)/.exec(text);
        if (found !== null) resolve(Number(found[1]));
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        reject(new Error(`the server ended before it was ready (${code ?? signal})\n${this.stderr}`));
      });
    });
  }
}
