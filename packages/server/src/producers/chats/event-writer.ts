import type { ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';

/** A response that is written piece by piece, each of them a whole number of SSE events. */
export interface EventWriter extends Disposable {
  /** Aborted when the reader has gone. */
  readonly gone: AbortSignal;
  /** Resolves when more may be written; at once, with nothing written, when the reader has gone. */
  write(text: string): Promise<void>;
  end(): void;
}

/** Answers 200 with an event stream. Says that it lives whenever nothing was written for `heartbeatMs`. */
export function openEventWriter(
  response: ServerResponse,
  clock: Clock,
  heartbeatMs: number,
  headers: Readonly<Record<string, string>> = {},
): EventWriter {
  const gone = new AbortController();
  let wake: () => void = () => undefined;
  let quiet = true;
  response.on('close', () => {
    gone.abort();
    wake();
  });
  response.on('drain', () => wake());
  if (response.destroyed) gone.abort();
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  });
  // With the first event, if that comes at once: one packet less on the way to it.
  setImmediate(() => {
    if (!response.destroyed) response.flushHeaders();
  });
  const beating = clock.every(heartbeatMs, () => {
    if (quiet && !response.writableNeedDrain && !gone.signal.aborted) response.write(': heartbeat\n\n');
    quiet = true;
  });
  return {
    gone: gone.signal,
    async write(text) {
      if (gone.signal.aborted || text === '') return;
      quiet = false;
      if (response.write(text)) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    end() {
      if (!gone.signal.aborted) response.end();
    },
    [Symbol.dispose]() {
      beating[Symbol.dispose]();
    },
  };
}
