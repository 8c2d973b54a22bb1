import { jsonLine } from '@playhead/protocol';
import type { TerminalSize } from '../../launcher/launcher.ts';
import type { LogEvent } from '../../log/event-log.ts';
import type { Controller } from '../../transports/terminals.ts';

/**
 * The events of `commands/{id}/pty`: `resize` with the first size; then `output`, `resize` and `control` as they
 * come; then, as on the stream of lines, at most one `error`, and `complete`. Together they are all that an
 * emulator needs to show what the terminal showed, from any position on that it knows the screen of.
 */
export function resizeEvent({ columns, rows }: TerminalSize): LogEvent {
  return { type: 'resize', data: jsonLine({ columns, rows }) };
}

/** Who may type now; null: whoever may execute. */
export function controlEvent(controller: Controller | null): LogEvent {
  return { type: 'control', data: jsonLine({ controller }) };
}

/** One event of output holds at most so many bytes (D-14). */
const CHUNK_MAX = 16 * 1024;

/** What the terminal showed, as bytes, cut anywhere: also inside a character or an escape sequence. */
export function outputEvents(bytes: Uint8Array): LogEvent[] {
  const events: LogEvent[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_MAX) {
    events.push({ type: 'output', data: bytes.subarray(at, at + CHUNK_MAX) });
  }
  return events;
}
