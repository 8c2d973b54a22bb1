import { escapeLineBreaks, jsonLine } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';

/** Which of a process's outputs a line came from. */
export type OutputName = 'stdout' | 'stderr';

/**
 * `output` events, and how many bytes their data are: exact over all batches but for the few characters that only
 * SSE escapes. Bytes of an unfinished line may be counted a batch early.
 */
export interface OutputBatch {
  readonly events: readonly LogEvent[];
  readonly bytes: number;
}

/**
 * Turns what is read from a pipe, split anywhere, into `output` events `{"line", "stream"}`.
 *
 * A line ends at LF; one CR before it belongs to the end. What has no LF yet is held until it comes, until the
 * limit, or until the end. A line whose encoding is longer than the limit becomes several events, cut between
 * code points, all but the last with `"continues": true`. Bytes are UTF-8; a character that is split over two
 * reads survives, what is none becomes U+FFFD. The events do not depend on where the reads were split.
 */
export interface LineSplitter {
  /** Takes what was read; the lines that it completed. */
  feed(bytes: Uint8Array): OutputBatch;
  /** The pipe has ended; the line that it left unfinished. */
  end(): OutputBatch;
}

/**
 * Bytes of one line as JSON, escapes included, without quotes. With everything around it the `data:` line of SSE
 * stays under 60 KiB (D-10), and under the 64 KiB that a Go Scanner takes (CM-16).
 */
export const LINE_LIMIT: number = 60 * 1024 - 64;

/** What cannot stand in a JSON string, or not on one line of SSE, as it is. */
const ESCAPED = /["\\\u0000-\u001f\u0085\u2028\u2029]/;
/** What a character takes at most in UTF-8, for each of its UTF-16 units. */
const WIDEST = 3;

export function createLineSplitter(stream: OutputName, limit: number = LINE_LIMIT): LineSplitter {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const tail = `,"stream":"${stream}"}`;
  const continuedTail = `,"stream":"${stream}","continues":true}`;
  const quotedTail = `"${tail}`;
  // Of the line that has not ended. Joined lazily by the engine: a long line that arrives in small pieces costs
  // nothing per piece but the piece.
  let held = '';
  let heldBytes = 0;
  /** A CR was last: whether it belongs to the end of the line is known when the next character is. */
  let heldCr = false;
  let events: LogEvent[] = [];

  function push(line: string, continues: boolean): void {
    const data = `{"line":${escapeLineBreaks(JSON.stringify(line))}${continues ? continuedTail : tail}`;
    events.push({ type: 'output', data });
  }

  // Adds to the held line; what overflows the limit is pushed.
  function hold(piece: string): void {
    let rest = piece;
    for (;;) {
      const fitting = fit(rest, limit - heldBytes);
      if (fitting.length === rest.length) {
        held += rest;
        heldBytes += fitting.bytes;
        return;
      }
      push(held + rest.slice(0, fitting.length), true);
      held = '';
      heldBytes = 0;
      rest = rest.slice(fitting.length);
    }
  }

  function endLine(text: string): void {
    hold(text.endsWith('\r') ? text.slice(0, -1) : text);
    push(held, false);
    held = '';
    heldBytes = 0;
  }

  // Whole lines, parted by LF. `wide`: not all of their characters are ASCII.
  function takeLines(text: string, wide: boolean): void {
    // A terminal ends every line with CR LF.
    const bare = text.includes('\r') ? `${text}\n`.replaceAll('\r\n', '\n').slice(0, -1) : text;
    const lines = escapedLines(bare, wide);
    const surelyShort = wide ? limit / WIDEST : limit;
    if (lines.some((line) => line.length > surelyShort)) for (const line of text.split('\n')) endLine(line);
    else for (const line of lines) events.push({ type: 'output', data: `{"line":"${line}${quotedTail}` });
  }

  function take(decoded: string, final: boolean): OutputBatch {
    events = [];
    // In UTF-16 units, and what UTF-8 takes more for what was read: counted once, not once per event.
    let bytes = Buffer.byteLength(decoded) - decoded.length;
    const wide = bytes > 0;
    let text = heldCr ? `\r${decoded}` : decoded;
    heldCr = false;
    const last = text.lastIndexOf('\n');
    if (last !== -1) {
      let start = 0;
      if (held !== '') {
        start = text.indexOf('\n') + 1;
        endLine(text.slice(0, start - 1));
      }
      if (start <= last) takeLines(text.slice(start, last), wide);
      text = text.slice(last + 1);
    }
    if (!final && text.endsWith('\r')) {
      heldCr = true;
      text = text.slice(0, -1);
    }
    hold(text);
    if (final && held !== '') {
      push(held, false);
      held = '';
    }
    for (const { data } of events) bytes += data?.length ?? 0;
    return { events, bytes };
  }

  return {
    feed: (chunk) => take(decoder.decode(chunk, { stream: true }), false),
    end: () => take(decoder.decode(), true),
  };
}

/**
 * Lines that are parted by LF, each as it stands in a JSON string. One call for all of them looks for what must be
 * escaped many characters at a time, as neither a call for each line nor a regular expression does. An LF becomes two
 * characters, and nothing else becomes these two, unless there is a backslash.
 */
function escapedLines(text: string, wide: boolean): string[] {
  const escaped = (value: string): string => (wide ? jsonLine(value) : JSON.stringify(value)).slice(1, -1);
  return text.includes('\\') ? text.split('\n').map(escaped) : escaped(text).split('\\n');
}

/** How much of a text fits into so many bytes of JSON, in UTF-16 units; never half a code point. */
function fit(text: string, limit: number): { length: number; bytes: number } {
  if (isPlain(text)) {
    const length = Math.min(text.length, limit);
    return { length, bytes: length };
  }
  let length = 0;
  let bytes = 0;
  for (const character of text) {
    const size = encodedSize(character);
    if (bytes + size > limit) break;
    bytes += size;
    length += character.length;
  }
  return { length, bytes };
}

/** Whether all of it is one byte in UTF-8 and stands for itself in JSON. */
function isPlain(text: string): boolean {
  return Buffer.byteLength(text) === text.length && JSON.stringify(text).length === text.length + 2;
}

/** Bytes of one code point in JSON on one line. */
function encodedSize(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (ESCAPED.test(character))
    return code > 0x1f && code < 0x80 ? 2 : ESCAPES_OF_TWO.includes(character) ? 2 : 6;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

const ESCAPES_OF_TWO = '\b\t\n\f\r';
