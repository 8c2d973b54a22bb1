import { randomUUID } from 'node:crypto';
import { watch } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { ProcessExit } from '../launcher.ts';

/**
 * The file in which the shell around a command says that it was started, and how it ended. A file, because a
 * process in a terminal has no other way out than the terminal.
 *
 * A command can reach it through its parent's open files. All that it can forge there is its own ending.
 */
export interface Report extends AsyncDisposable {
  readonly path: string;
  /** Resolves when the shell inside has started. */
  readonly started: Promise<void>;
  /** Whether it has. */
  hasStarted(): Promise<boolean>;
  /**
   * How the command ended. `outer`: how the process did that was launched, which knows an exit code and whether
   * it was killed, but not of which signal the command died. `sent`: the signals that it was sent.
   */
  exit(outer: ProcessExit, sent: ReadonlySet<NodeJS.Signals>): Promise<ProcessExit>;
}

const STARTED = 'started\n';
/** Longer than the last line can be. */
const TAIL = 32;

/** Makes a report in a folder that no sandbox sees. */
export async function openReport(folder: string): Promise<Report> {
  const path = join(folder, randomUUID());
  await using stack = new AsyncDisposableStack();
  const file = stack.use(await open(path, 'wx+', 0o600));
  stack.defer(() => unlink(path));
  const { promise: started, resolve } = Promise.withResolvers<void>();
  const hasStarted = async (): Promise<boolean> => (await file.stat()).size >= STARTED.length;
  const watcher = watch(path, { persistent: false }, () => void look());
  stack.defer(() => watcher.close());
  // Without it the process's own end is heard, and `hasStarted` asked then.
  watcher.on('error', () => undefined);
  const held = stack.move();

  // That the shell outside opens the file is a change too.
  async function look(): Promise<void> {
    try {
      if (await hasStarted()) resolve();
    } catch {
      // Closed meanwhile: nobody waits any more.
    }
  }

  async function text(position: number, length: number): Promise<string> {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.toString('latin1', 0, bytesRead);
  }

  return {
    path,
    started,
    hasStarted,
    async exit(outer, sent) {
      const { size } = await file.stat();
      const last = /(?:^|\n)(ended (\d{1,3})\n)$/.exec(await text(Math.max(0, size - TAIL), TAIL));
      if (last === null) return outerExit(outer);
      const code = Number(last[2]);
      const words = size > STARTED.length + (last[1] ?? '').length;
      return exitOf(code, words, sent);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

// Shells are silent about these two. So they count as what ended the command if they were sent, else as its code.
const SILENT: ReadonlySet<string> = new Set(['SIGINT', 'SIGPIPE']);

function exitOf(code: number, words: boolean, sent: ReadonlySet<NodeJS.Signals>): ProcessExit {
  const name = signalOf(code);
  if (name === undefined) return { kind: 'exited', code };
  const signalled = words || (SILENT.has(name) && sent.has(name));
  return signalled ? { kind: 'signalled', name } : { kind: 'exited', code };
}

// Nobody was left to say it: the sandbox was killed, or the shell inside it, and the command with it.
function outerExit(outer: ProcessExit): ProcessExit {
  if (outer.kind === 'signalled') return outer;
  const name = signalOf(outer.code);
  return name === undefined ? outer : { kind: 'signalled', name };
}

function signalOf(code: number): NodeJS.Signals | undefined {
  if (code <= 128) return undefined;
  const found = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return found?.[0] as NodeJS.Signals | undefined;
}
