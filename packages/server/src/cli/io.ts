/** Where a command writes, and what it may know of its surroundings. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether a person sees stderr: progress and remarks are for people alone. */
  readonly interactive: boolean;
  /** Writes to stdout; resolves when there is room for more. What nobody reads any more is dropped. */
  print(text: string | Uint8Array): Promise<void>;
  /** Writes to stderr as it is; resolves when there is room for more. */
  printError(text: string): Promise<void>;
  /** Says something on stderr that matters to a script, too. */
  warn(text: string): void;
  /** Says something on stderr if a person sees it. */
  note(text: string): void;
  /** Aborted once whoever read stdout has gone away. */
  readonly readerGone: AbortSignal;
}

export function systemIo(): Io {
  const gone = new AbortController();
  const { stdout, stderr } = process;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A terminal that was closed answers EIO.
    if (error.code !== 'EPIPE' && !(error.code === 'EIO' && stdout.isTTY)) throw error;
    gone.abort();
  });
  // Without a reader there is nobody to tell.
  stderr.on('error', () => undefined);
  const warn = (text: string): void => void stderr.write(`playhead: ${text}\n`);
  return {
    env: process.env,
    cwd: process.cwd(),
    interactive: stderr.isTTY,
    print: (text) => (gone.signal.aborted ? Promise.resolve() : write(stdout, text)),
    printError: (text) => write(stderr, text),
    warn,
    note: (text) => (stderr.isTTY ? warn(text) : undefined),
    readerGone: gone.signal,
  };
}

function write(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    // The callback comes for a stream that failed, too: its listener has dealt with that.
    if (stream.write(text, () => resolve())) resolve();
  });
}
