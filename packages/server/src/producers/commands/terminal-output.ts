import type { RunningProcess } from '../../launcher/launcher.ts';
import type { LogEvent } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import { pipeClosed } from '../../runtime/pipe-closed.ts';
import type { Outlet } from '../../sessions/outlet.ts';
import { createLineSplitter, type OutputBatch } from './line-splitter.ts';
import { createPipeFlow } from './pipe-flow.ts';
import { type ProcessOutput, withinLimit } from './process-output.ts';
import { outputEvents } from './terminal-events.ts';

/** What a terminal shows, on its way into both of its streams. */
export interface TerminalOutput extends ProcessOutput {
  /** Puts an event into the stream of the terminal, behind all that the terminal has shown so far. */
  mark(event: LogEvent): void;
}

export interface TerminalOutputParts {
  /** Of `commands/{id}/pty`. */
  readonly screen: Outlet;
  /** Of `commands/{id}`. */
  readonly lines: Outlet;
  readonly clock: Clock;
  /** Of each of the two streams; what goes beyond is read and dropped, so that the process is not stuck. */
  readonly maxBytes: number;
  /** The limit was reached. */
  overflow(): void;
}

/** More is not gathered, however long the log takes. */
const GATHERED_MAX = 128 * 1024;

/**
 * Reads a terminal. The kernel hands out what a terminal shows in pieces of at most 4 KiB, and a batch for each
 * would cost many times its content. So while a batch is on its way into the log, what comes is gathered for the
 * next (as D-2 does with commits): a terminal that shows little is as prompt as can be, one that shows much is
 * told in large batches, and no timer decides which it is. While either stream has no room the terminal is not
 * read, and the process waits in its write.
 */
export function readTerminal(child: RunningProcess, parts: TerminalOutputParts): TerminalOutput {
  const { screen, lines, clock } = parts;
  const { stdout } = child;
  const flow = createPipeFlow([stdout, child.stderr], () => screen.room() ?? lines.room(), clock);
  const splitter = createLineSplitter('stdout');
  // Copied out of what was read, which may be a small part of a large allocation.
  const gathered = Buffer.allocUnsafeSlow(GATHERED_MAX);
  let length = 0;
  let scheduled = false;
  let screenBytes = 0;
  let lineBytes = 0;
  let overflown = false;

  function overflow(): void {
    overflown = true;
    parts.overflow();
  }

  function send(): void {
    const size = length;
    length = 0;
    if (size === 0 || overflown) return;
    const kept = Buffer.from(gathered.subarray(0, Math.min(size, parts.maxBytes - screenBytes)));
    screenBytes += kept.length;
    screen.send(outputEvents(kept), kept.length);
    sendLines(splitter.feed(kept));
    if (kept.length < size && !overflown) overflow();
    flow.check();
  }

  // At the end of the turn at the earliest: what comes in one turn belongs together.
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      const busy = screen.settled() ?? lines.settled();
      if (busy === undefined) sendScheduled();
      else void busy.then(sendScheduled);
    });
  }

  function sendScheduled(): void {
    scheduled = false;
    send();
  }

  function take(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(gathered, length, at);
      at += copied;
      length += copied;
      if (length === GATHERED_MAX) send();
    }
    if (length > 0) schedule();
  }

  function sendLines(batch: OutputBatch): void {
    if (overflown || batch.events.length === 0) return;
    const kept =
      lineBytes + batch.bytes > parts.maxBytes ? withinLimit(batch, parts.maxBytes - lineBytes) : batch;
    lineBytes += batch.bytes;
    lines.send(kept.events, kept.bytes);
    if (kept !== batch) overflow();
  }

  stdout.on('data', take);
  stdout.once('error', () => undefined);
  child.stderr.resume();
  const ended = pipeClosed(stdout).then(() => {
    send();
    sendLines(splitter.end());
  });

  return {
    ended,
    endedWithin: (ms) => flow.endedWithin(ended, ms),
    cut: () => flow.cut(),
    mark(event) {
      send();
      if (overflown) return;
      const size = event.data?.length ?? 0;
      screenBytes += size;
      screen.send([event], size);
      if (screenBytes > parts.maxBytes) overflow();
    },
  };
}
