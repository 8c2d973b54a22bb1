import { type ChildProcess, spawn } from 'node:child_process';
import { createHeard } from '../support/heard.ts';
import { ROOT } from '../support/node-program.ts';
import { PATIENCE, within } from '../support/within.ts';

/** A sample client as a program of its own, with what it printed. */
export interface ClientProgram extends AsyncDisposable {
  readonly printed: string;
  /** Waits until it printed that text. */
  prints(text: string): Promise<void>;
  /** Waits for its end: all that it printed. Throws, with what it complained of, if it failed. */
  end(): Promise<string>;
}

/** Starts a client. Each takes `run BASE PROJECT KEY COMMAND` or `follow BASE PROJECT KEY STREAM_ID [LAST_EVENT_ID]`. */
export function startClient(program: string, args: readonly string[]): ClientProgram {
  const child: ChildProcess = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8', NO_PROXY: '*' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let complaint = '';
  const heard = createHeard(() => `${printed}${complaint}`);
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', (error) => {
      reject(error);
      heard.over(`the client did not start: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`the client failed (${code ?? signal})\n${complaint}\n${printed.slice(-2000)}`));
      heard.over(`the client ended (${code ?? signal})`);
    });
  });
  // Whoever awaits the end hears of a failure; without this line nobody awaiting it yet would end the tests.
  ended.catch(() => undefined);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    heard.came();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  return {
    get printed() {
      return printed;
    },
    async prints(text) {
      await heard.when(() => printed.includes(text) || undefined, `the client to print ${text}`);
    },
    end: () => within(ended, () => `the client to end; it printed\n${printed}${complaint}`, PATIENCE),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended.catch(() => undefined);
    },
  };
}
