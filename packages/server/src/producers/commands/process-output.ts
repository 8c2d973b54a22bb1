import type { Readable } from 'node:stream';
import type { RunningProcess } from '../../launcher/launcher.ts';
import type { Clock } from '../../runtime/clock.ts';
import { pipeClosed } from '../../runtime/pipe-closed.ts';
import type { Outlet } from '../../sessions/outlet.ts';
import { createLineSplitter, type LineSplitter, type OutputBatch, type OutputName } from './line-splitter.ts';
import { createPipeFlow } from './pipe-flow.ts';

/** What a process writes, on its way into the log. */
export interface ProcessOutput {
  /** Resolves when both pipes are at their end and every line was sent. */
  readonly ended: Promise<void>;
  /**
   * Resolves as `ended` does, or when for `ms` of reading the pipes did not come to an end: somebody else holds
   * them open. Time in which the log has no room does not count.
   */
  endedWithin(ms: number): Promise<boolean>;
  /** Closes the pipes, whatever may still come; `ended` follows. */
  cut(): void;
}

export interface OutputParts {
  readonly outlet: Outlet;
  readonly clock: Clock;
  /** Bytes of events; what goes beyond is read and dropped, so that the process is not stuck in a write. */
  readonly maxBytes: number;
  /** The limit was reached. */
  overflow(): void;
}

/**
 * Reads both pipes of a process: one batch of events for each read, in the order of the reads. While the outlet
 * has no room the pipes are not read, and the process waits in its write: a slow disk costs no memory, and a slow
 * reader of the stream costs nothing at all.
 */
export function readOutput(child: RunningProcess, parts: OutputParts): ProcessOutput {
  const { outlet, clock } = parts;
  const flow = createPipeFlow([child.stdout, child.stderr], () => outlet.room(), clock);
  let bytes = 0;
  let overflown = false;

  function send(batch: OutputBatch): void {
    if (overflown || batch.events.length === 0) return;
    bytes += batch.bytes;
    if (bytes > parts.maxBytes) {
      const kept = withinLimit(batch, parts.maxBytes - (bytes - batch.bytes));
      overflown = true;
      outlet.send(kept.events, kept.bytes);
      parts.overflow();
      return;
    }
    outlet.send(batch.events, batch.bytes);
    flow.check();
  }

  function read(pipe: Readable, name: OutputName): Promise<void> {
    const splitter: LineSplitter = createLineSplitter(name);
    pipe.on('data', (chunk: Buffer) => send(splitter.feed(chunk)));
    // A pipe that breaks ends early; 'close' follows.
    pipe.once('error', () => undefined);
    // After 'end', after an error of the pipe, and after it was destroyed: in any case nothing follows.
    return pipeClosed(pipe).then(() => send(splitter.end()));
  }

  const ended = Promise.all([read(child.stdout, 'stdout'), read(child.stderr, 'stderr')]).then(
    () => undefined,
  );

  return { ended, endedWithin: (ms) => flow.endedWithin(ended, ms), cut: () => flow.cut() };
}

/** The first events of a batch, as many as fit. */
export function withinLimit({ events }: OutputBatch, limit: number): OutputBatch {
  let bytes = 0;
  let count = 0;
  for (const { data } of events) {
    const size = data === null ? 0 : Buffer.byteLength(data);
    if (bytes + size > limit) break;
    bytes += size;
    count++;
  }
  return { events: events.slice(0, count), bytes };
}
