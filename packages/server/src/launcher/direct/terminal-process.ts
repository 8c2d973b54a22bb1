import { writeSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import {
  LaunchFailure,
  type LaunchSpec,
  type ProcessExit,
  type ProcessIdentity,
  type ProcessTerminal,
  type RunningProcess,
  type TerminalSize,
} from '../launcher.ts';
import { foregroundOf, signalGroup, signalSession } from './process-group.ts';
import { codeOf, exists, identify } from './process-identity.ts';
import { forkInTerminal, resizeTerminal } from './pty-binding.ts';

/**
 * What a kernel hands out at once, bytes. A read that fills its buffer is followed by others in the same turn; into a
 * larger one there would be one each turn, and whoever gathers a turn's output would gather no more than that.
 */
const PIECE = 4095;
/** What waits for a process to read its input, bytes: kernels hold a few KiB, the rest is held here. */
const TYPED_MAX = 1024 * 1024;
/** How often it is tried whether a process reads again, ms. */
const TRY_AGAIN_MS = 10;
/** What a program's arguments and environment may take, with room for what the kernel adds; one of them: 128 KiB. */
const EXEC_MAX = 1_900_000;
const EXEC_ONE_MAX = 128 * 1024 - 1;

/**
 * Starts a process in a terminal of its own. What would fail only behind the fork, where nobody hears of it, is
 * looked at before: the program and the size of its arguments. The folder was.
 */
export async function launchInTerminal(spec: LaunchSpec, size: TerminalSize): Promise<RunningProcess> {
  const [program, ...args] = spec.argv;
  const file = await findExecutable(program, spec.env['PATH'] ?? '');
  requireFitting([...spec.argv, ...Object.entries(spec.env).map(([name, value]) => `${name}=${value}`)]);
  const { promise: exited, resolve } = Promise.withResolvers<ProcessExit>();
  try {
    const { fd, pid } = forkInTerminal({
      argv: [file, ...args],
      env: spec.env,
      cwd: spec.cwd,
      ...size,
      exited: (code, signal) =>
        resolve(signal === 0 ? { kind: 'exited', code } : { kind: 'signalled', name: signalName(signal) }),
    });
    return new TerminalProcess(fd, identify(pid), exited);
  } catch (error) {
    throw new LaunchFailure('no-resources', 'The system has no terminal left for another process.', error);
  }
}

class TerminalProcess implements RunningProcess {
  readonly identity: ProcessIdentity;
  readonly stdout: Readable;
  readonly stderr: Readable = Readable.from([]);
  readonly exited: Promise<ProcessExit>;
  readonly terminal: ProcessTerminal;
  #collected = false;
  #gone = false;

  constructor(fd: number, identity: ProcessIdentity, exited: Promise<ProcessExit>) {
    this.identity = identity;
    this.exited = exited;
    const { device, output } = openDevice(fd);
    this.stdout = output;
    const keyboard = keyboardOf(fd, device);
    this.terminal = {
      type: keyboard,
      resize({ columns, rows }) {
        if (!device.destroyed) resizeTerminal(fd, columns, rows);
      },
      interrupt: (name) => {
        if (!this.#isGone()) signalGroup(foregroundOf(identity.pid), name);
      },
    };
    void exited.then(() => {
      this.#collected = true;
    });
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#isGone() && !signalSession(this.identity.pid, name)) this.#gone = true;
  }

  // The kernel gives no new process an id that a session or a group still bears. So if, after the leader was
  // collected, a process has its id, the session had ended before, and what bears the id now is a stranger.
  #isGone(): boolean {
    if (this.#collected && exists(this.identity.pid)) this.#gone = true;
    return this.#gone;
  }
}

/**
 * The keyboard's side of a terminal, and what the terminal shows. That nobody has it open any more is an error of the
 * device (EIO) and the end of the output. What was read before it is not lost: the device is read only as far as it
 * is taken from the output.
 */
function openDevice(fd: number): { readonly device: ReadStream; readonly output: Readable } {
  const device: ReadStream = new ReadStream(fd, {
    onread: {
      buffer: Buffer.allocUnsafeSlow(PIECE),
      // False stops the reading: `read` below begins it again.
      callback: (size, bytes) => output.push(Buffer.from(bytes.subarray(0, size))),
    },
  });
  const output: Readable = new Readable({
    highWaterMark: 0,
    read: () => void device.resume(),
    destroy(error, done) {
      device.destroy();
      done(error);
    },
  });
  // Whatever else breaks the device ends it as well; what it is has no meaning to a reader.
  device.on('error', () => undefined);
  device.once('close', () => output.push(null));
  return { device, output };
}

/**
 * Types into a terminal. Not by the device's own `write`, which spins until the process reads. The descriptor does
 * not block: what it does not take waits here, and is tried again.
 */
function keyboardOf(fd: number, device: ReadStream): ProcessTerminal['type'] {
  let waiting: Uint8Array[] = [];
  let size = 0;
  let timer: NodeJS.Timeout | undefined;

  function write(): void {
    timer = undefined;
    for (;;) {
      const [first] = waiting;
      if (first === undefined) return;
      // Its number may belong to another file by now.
      if (device.destroyed) break;
      const taken = tryWrite(fd, first);
      if (taken === undefined) break;
      size -= taken;
      if (taken === first.length) waiting.shift();
      else {
        waiting[0] = first.subarray(taken);
        timer = setTimeout(write, TRY_AGAIN_MS);
        return;
      }
    }
    waiting = [];
    size = 0;
  }

  device.once('close', () => clearTimeout(timer));
  return (bytes) => {
    if (size + bytes.length > TYPED_MAX) return false;
    waiting.push(Uint8Array.from(bytes));
    size += bytes.length;
    if (timer === undefined) write();
    return true;
  };
}

/** How many bytes were taken; undefined if nobody can read them any more. */
function tryWrite(fd: number, bytes: Uint8Array): number | undefined {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    return codeOf(error) === 'EAGAIN' ? 0 : undefined;
  }
}

async function findExecutable(program: string, path: string): Promise<string> {
  const places = program.includes('/') ? [program] : path.split(':').map((folder) => join(folder, program));
  let failure: unknown;
  let reason: LaunchFailure['reason'] = 'program-not-found';
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      if ((await stat(place)).isFile()) return place;
      reason = 'not-permitted';
    } catch (error) {
      failure = error;
      if (codeOf(error) === 'EACCES') reason = 'not-permitted';
    }
  }
  const message =
    reason === 'not-permitted' ? `The program ${program} may not be run.` : `There is no program ${program}.`;
  throw new LaunchFailure(reason, message, failure);
}

function requireFitting(strings: readonly string[]): void {
  let total = 0;
  for (const text of strings) {
    const size = Buffer.byteLength(text) + 1;
    // Each takes a pointer too.
    total += size + 8;
    if (size > EXEC_ONE_MAX || total > EXEC_MAX)
      throw new LaunchFailure('no-resources', 'The arguments and environment are too large to run.');
  }
}

function signalName(number: number): NodeJS.Signals {
  for (const [name, value] of Object.entries(os.signals)) if (value === number) return name as NodeJS.Signals;
  return 'SIGKILL';
}
