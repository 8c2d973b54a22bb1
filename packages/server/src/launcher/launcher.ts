import type { Readable, Writable } from 'node:stream';

/** Starts processes. What it may reach is the launcher's business; what it runs is the caller's. */
export interface Launcher {
  readonly name: string;
  /** Starts a process in a group of its own. Rejects with `LaunchFailure` if it cannot be started. */
  launch(spec: LaunchSpec): Promise<RunningProcess>;
  /**
   * Kills the group of a process that an earlier run of the server launched, if what runs under that id is
   * provably still that process. Never kills on a doubt: process ids are used again.
   */
  reap(identity: ProcessIdentity): Promise<Reaped>;
}

/** What tells a process from a later one of the same id. JSON; outlives the server. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, as the operating system counts; opaque. Null where that cannot be known. */
  readonly started: string | null;
}

/** `unproven`: something runs under that id and nobody can tell what. */
export type Reaped = 'killed' | 'gone' | 'unproven';

export interface LaunchSpec {
  /** Program and arguments, handed over as they are: no shell in between. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute; must exist. */
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs it in a terminal of this size, which then is its input, its output and its errors. */
  readonly terminal?: TerminalSize;
  /** Gives it two pipes more: what it reads as descriptor 3, and what it writes as descriptor 4. Not in a terminal. */
  readonly channel?: boolean;
  /** Only launchers that confine look at it. */
  readonly confinement?: Confinement;
}

/** What a process is kept to, beyond what its launcher keeps all processes to: stricter, never laxer. */
export interface Confinement {
  /** Absolute; holds `cwd`. A sandbox lets the process write there and nowhere else on the machine. */
  readonly root: string;
  /** It must run in a sandbox. */
  readonly sandboxed: boolean;
  /** It must have no network. */
  readonly offline: boolean;
}

/** In characters, each from 1. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface RunningProcess {
  /** Its `pid` is also the id of its group. */
  readonly identity: ProcessIdentity;
  /**
   * Raw bytes. A stream that is not read holds the process back: that is the backpressure. Of a process in a
   * terminal, `stdout` is all that the terminal shows, what was typed included, and `stderr` is empty.
   */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** How it ended, once it did. Its pipes may still hold output, or be held open by a grandchild. */
  readonly exited: Promise<ProcessExit>;
  /**
   * Signals the whole group, also what outlives its first process. Does nothing once the group is gone. In a
   * terminal a shell gives each of its jobs a group of its own, so there it is the whole session.
   */
  signal(name: NodeJS.Signals): void;
  /** Set if it runs in a terminal. */
  readonly terminal?: ProcessTerminal;
  /** Set if one was asked for. */
  readonly channel?: ProcessChannel;
}

/** Our ends. A process that has ended closes them; an error on either (EPIPE, ECONNRESET) says no more than that. */
export interface ProcessChannel {
  /** What the process reads as descriptor 3. */
  readonly input: Writable;
  /** What the process writes as descriptor 4. */
  readonly output: Readable;
}

/** The keyboard's side of a terminal. Nothing here has an effect once the terminal is closed. */
export interface ProcessTerminal {
  /**
   * Types bytes, behind those typed before. False, and nothing is typed, if so much already waits for the process
   * to read it that these would pass the bound.
   */
  type(bytes: Uint8Array): boolean;
  /** The process is told by SIGWINCH. */
  resize(size: TerminalSize): void;
  /** Signals what runs in the foreground, as a key such as Ctrl-C would. */
  interrupt(name: NodeJS.Signals): void;
}

export type ProcessExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly name: NodeJS.Signals };

/** A process that did not start: no such program, no such folder, no permission. */
export class LaunchFailure extends Error {
  override readonly name = 'LaunchFailure';
  readonly reason: 'program-not-found' | 'folder-not-found' | 'not-permitted' | 'no-resources';

  constructor(reason: LaunchFailure['reason'], message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
