import { backoff } from './backoff.ts';
import { asRecord, refusalOf, textOf } from './client.ts';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';
import { createKeyboard } from './keyboard.ts';
import { onInterrupt } from './on-interrupt.ts';
import { rawTerminal } from './raw-terminal.ts';
import { codeOf, RUN_EXIT } from './run-exit.ts';
import { type Running, stopper } from './stopper.ts';
import { terminalConnection } from './terminal-connection.ts';

/** The size of the terminal here, in characters; 80 × 24 where there is none, or none that it knows. */
export function localSize(): { readonly columns: number; readonly rows: number } {
  const { columns, rows, isTTY } = process.stdout;
  if (!isTTY || !(columns > 0) || !(rows > 0)) return { columns: 80, rows: 24 };
  return { columns: Math.min(columns, 1000), rows: Math.min(rows, 1000) };
}

/** Leaves what a program that did not end by itself may have left on: the other screen, a hidden cursor, the mouse. */
const AS_BEFORE =
  '\x1b[?1047l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m\r\n';

/**
 * Shows the terminal of a command here and types to it, to its end, through whatever happens to the connection and
 * the server; its exit code. The terminal here is given back before anything is said of the end.
 */
export async function runInTerminal(running: Running, io: Io): Promise<number> {
  let complete: Readonly<Record<string, unknown>> | number;
  let clean = false;
  try {
    using _raw = rawTerminal();
    complete = await show(running, inRawTerminal(io));
    clean = typeof complete !== 'number' && asRecord(complete['ending'])['kind'] === 'exited';
  } finally {
    if (!clean && process.stdout.isTTY) await io.print(AS_BEFORE);
  }
  return typeof complete === 'number' ? complete : codeOf(complete, io);
}

/** In a raw terminal LF does not go to the beginning of a line. */
function inRawTerminal(io: Io): Io {
  if (!process.stdin.isTTY) return io;
  const warn = (text: string): void => void io.printError(`\r\nplayhead: ${text}\r\n`);
  return { ...io, warn, note: (text) => (io.interactive ? warn(text) : undefined) };
}

/** What `complete` said, or an exit code if it was not waited for. */
async function show(running: Running, io: Io): Promise<Readonly<Record<string, unknown>> | number> {
  const { client, id, patienceMs } = running;
  const stream = `commands/${id}/pty`;
  const gone = new AbortController();
  let code: number | undefined;
  const leave = (): void => {
    code ??= RUN_EXIT.left;
    io.note(`left; \`playhead tail commands/${id}\` shows what it does`);
    gone.abort();
  };
  const stopping = stopper(running, gone.signal, io, () => {
    if (io.readerGone.aborted) gone.abort();
  });
  // Ctrl-C is a byte here: these come from elsewhere. SIGHUP says that the terminal was closed.
  using _interrupts = onInterrupt(
    (times) => (times === 1 ? void stopping.request() : leave()),
    ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'],
  );
  io.readerGone.addEventListener('abort', () => {
    code = RUN_EXIT.readerGone;
    void stopping.request();
  });
  using keyboard = createKeyboard({
    stdin: process.stdin,
    lost: (why) => io.warn(`what was typed last may not have arrived: ${why}`),
    left: leave,
  });
  const pause = backoff();
  let after = 'start';
  let viewer: string | undefined;
  let awaySince: number | undefined;

  for (;;) {
    const connection = terminalConnection({
      ...{ client, stream, after, signal: gone.signal, keyboard, viewer, size: localSize },
      opened() {
        if (awaySince !== undefined) io.note('connected again');
        if (awaySince !== undefined) void stopping.again();
        awaySince = undefined;
      },
      controls: (own) => (viewer = own),
    });
    let finished = false;
    for (;;) {
      const { value, done } = await connection.next();
      if (done === true) {
        finished = value;
        break;
      }
      pause.reset();
      if ('missed' in value) {
        io.warn(`${value.missed ?? 'some'} events of it are no longer kept`);
        continue;
      }
      if ('bytes' in value) await io.print(value.bytes);
      else if (value.type === 'error')
        io.warn(textOf(asRecord(value.data)['message']) ?? 'something went wrong');
      else if (value.type === 'complete') {
        await connection.return(true);
        return code ?? asRecord(value.data);
      }
      after = value.position;
    }
    if (code !== undefined && gone.signal.aborted) return code;
    if (finished) throw new Failure(RUN_EXIT.unknown, 'The stream ended without saying how the command did.');
    const now = performance.now();
    if (awaySince === undefined) {
      awaySince = now;
      io.note('the connection is lost; looking for the server; Ctrl-C leaves');
    } else if (now - awaySince > patienceMs) {
      const seconds = Math.round(patienceMs / 1000);
      throw new Failure(
        RUN_EXIT.unknown,
        `The server at ${client.url} was not there for ${seconds} s.`,
        `The last position was ${after}.`,
      );
    }
    await pause.wait(gone.signal).catch(() => undefined);
    if (!gone.signal.aborted) await mayConnect(running, stream, gone.signal);
  }
}

/** A handshake does not say why it was refused: asks once more in plain HTTP. Throws what no attempt can mend. */
async function mayConnect({ client }: Running, stream: string, signal: AbortSignal): Promise<void> {
  let answer: Response;
  try {
    answer = await client.open(`/v1/streams/${stream}?after=live`, { signal });
  } catch (error) {
    if (error instanceof Failure || signal.aborted) return;
    throw error;
  }
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw await refusalOf(answer);
  await answer.body?.cancel();
}
