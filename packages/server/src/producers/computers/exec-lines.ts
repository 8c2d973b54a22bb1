import type { ServerResponse } from 'node:http';
import { jsonLine, type PlayheadError } from '@playhead/protocol';
import type { ExecutionEnd, OutputName } from '../executor.ts';
import { exitCode, type ShellSink } from './run-shell.ts';

/** The lines of one `exec`, on its response: output, then `exit` or `error`, which ends it. */
export interface ExecLines extends ShellSink {
  exit(how: ExecutionEnd): void;
  fail(error: PlayheadError): void;
}

/**
 * Readers in Python ask for blocks of 64 bytes, so a line that is shorter waits for the next one; blanks behind the JSON
 * fill it up, and it arrives at once.
 */
const BLOCK = 64;
/** Characters of output in one line. Escaped to six bytes each they stay below 64 KiB, where readers in Go stop. */
const PIECE = 8_000;

/** One line, its line feed included, as long as a whole number of blocks. */
export function paddedLine(value: unknown): string {
  const json = jsonLine(value);
  const over = (Buffer.byteLength(json) + 1) % BLOCK;
  return `${json}${' '.repeat(over === 0 ? 0 : BLOCK - over)}\n`;
}

export function createExecLines(response: ServerResponse): ExecLines {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let begun = false;
  let full: Promise<void> | undefined;

  function write(text: string): void {
    if (response.destroyed || response.writableEnded) return;
    if (!begun) {
      begun = true;
      response.writeHead(200, {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      response.flushHeaders();
    }
    if (response.write(text) || full !== undefined) return;
    full = new Promise((resolve) => {
      const go = (): void => {
        response.off('drain', go);
        response.off('close', go);
        full = undefined;
        resolve();
      };
      response.on('drain', go);
      response.on('close', go);
    });
  }

  function send(type: OutputName, text: string): void {
    let lines = '';
    for (const data of pieces(text)) lines += paddedLine({ type, data });
    if (lines !== '') write(lines);
  }

  return {
    output: (from, bytes) => send(from, decoders[from].decode(bytes, { stream: true })),
    room: () => full,
    exit(how) {
      send('stdout', decoders.stdout.decode());
      send('stderr', decoders.stderr.decode());
      const code = exitCode(how);
      write(paddedLine(how.kind === 'exited' ? { type: 'exit', code } : { type: 'exit', code, ending: how }));
      response.end();
    },
    fail({ code, message }) {
      write(paddedLine({ type: 'error', code: code.toUpperCase().replaceAll('-', '_'), message }));
      response.end();
    },
  };
}

/** Cut anywhere but inside a character. */
function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PIECE, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--;
    yield text.slice(at, end);
    at = end;
  }
}
