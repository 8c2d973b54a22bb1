/**
 * Shell commands for other producers, in a folder that is theirs: a computer's `exec` reaches commands through this,
 * not through the sibling folder (D-33). What runs has the same environment, confinement and limits as any command,
 * and does not outlive the server: what a crash leaves is ended by the next start.
 */
export interface Executor {
  /**
   * Resolves once the process runs. Throws `forbidden` where the tenant may not run commands outside of a sandbox,
   * `invalid-request` for a folder outside of the root, `conflict` for one that is gone or where there is no shell,
   * and `overloaded` while as many commands run as may.
   */
  execute(request: ExecuteRequest): Promise<Execution>;
}

export interface ExecuteRequest {
  readonly tenant: string;
  /** Absolute; must exist. A sandbox lets the process write there and nowhere else. */
  readonly root: string;
  /** From the root, or absolute and inside it. */
  readonly cwd: string;
  /** A line of shell. */
  readonly command: string;
  /** Over what commands inherit. */
  readonly env: Readonly<Record<string, string>>;
  /** ms. */
  readonly timeLimitMs: number;
  /** Ends the process when it is aborted: SIGTERM, a grace, SIGKILL. */
  readonly signal: AbortSignal;
  /** What it writes, as it comes: bytes, cut anywhere. Nothing comes after `ended`. */
  output(from: OutputName, bytes: Buffer): void;
  /** Undefined while more may be written; else the pipes are not read until the promise is kept. */
  room(): Promise<void> | undefined;
}

export type OutputName = 'stdout' | 'stderr';

export interface Execution {
  /** Resolves when the process, and all that it started, is gone, and its output was handed over. */
  readonly ended: Promise<ExecutionEnd>;
}

/** From recorded fact (F5): what ended it is told before how the process answered to that. */
export type ExecutionEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly name: NodeJS.Signals }
  /** Its time was over. */
  | { readonly kind: 'expired' }
  /** `signal` was aborted, or the server goes away. */
  | { readonly kind: 'stopped' };
