import { fileURLToPath } from 'node:url';
import type { Launcher, ProcessExit } from '../../launcher/launcher.ts';
import { pipeClosed } from '../../runtime/pipe-closed.ts';
import { encodeHead, type Framed, messageReader } from './message-frames.ts';
import type { Command } from './messages.ts';
import type { VideoSettings } from './video-settings.ts';

/** A process of video, seen from the server. It ends when the pipes to it close, however the server ends. */
export interface VideoProcess {
  readonly pid: number;
  /** Resolves once it is gone, and what it told before has been told. */
  readonly exited: Promise<ProcessExit>;
  /** Never throws: a process that is gone hears nothing. False: wait for `drained` before the next. */
  tell(command: Command, body?: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Nothing is told from now on. */
  kill(): void;
}

const MAIN = fileURLToPath(new URL('./child/main.ts', import.meta.url));

/** Starts one. Rejects with `LaunchFailure`. What it says on stdout and stderr is nobody's: it may hold an address. */
export async function startProcess(
  launcher: Launcher,
  settings: VideoSettings,
  told: (message: Framed) => void,
): Promise<VideoProcess> {
  const heap = Math.floor(settings.heapBytes / 2 ** 20);
  const running = await launcher.launch({
    argv: [process.execPath, `--max-old-space-size=${heap}`, '--disable-warning=ExperimentalWarning', MAIN],
    cwd: '/',
    env: { PATH: settings.path },
    channel: true,
  });
  const { channel } = running;
  if (channel === undefined) {
    running.signal('SIGKILL');
    throw new TypeError('The launcher gives no channel.');
  }
  const { input, output } = channel;
  let over = false;
  let waiting: (() => void)[] = [];
  const kill = (): void => {
    over = true;
    running.signal('SIGKILL');
    release();
  };
  function release(): void {
    const all = waiting;
    waiting = [];
    for (const resume of all) resume();
  }
  const read = messageReader((message) => {
    if (!over) told(message);
  });
  running.stdout.resume();
  running.stderr.resume();
  input.on('error', release).on('drain', release).on('close', release);
  output.on('error', () => undefined);
  output.on('data', (chunk: Buffer) => {
    try {
      read(chunk);
    } catch {
      // Not the protocol: whatever this process has become, it is of no more use.
      kill();
    }
  });
  const allRead = pipeClosed(output);
  input.write(encodeHead({ type: 'bound', memoryBytes: settings.memoryBytes } satisfies Command, 0));
  return {
    pid: running.identity.pid,
    exited: running.exited.then(async (exit) => {
      await allRead;
      input.destroy();
      return exit;
    }),
    tell(command, body) {
      if (over || !input.writable) return true;
      const room = input.write(encodeHead(command, body?.length ?? 0));
      return body === undefined ? room : input.write(body);
    },
    drained: () =>
      over || !input.writable || !input.writableNeedDrain
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push(resolve)),
    kill,
  };
}

export function howItDied(exit: ProcessExit): string {
  return exit.kind === 'signalled'
    ? `Its process was ended by ${exit.name}.`
    : `Its process ended with code ${exit.code}.`;
}
