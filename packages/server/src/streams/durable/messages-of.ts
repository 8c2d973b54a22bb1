import { isUtf8 } from 'node:buffer';
import { PlayheadError } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';

/** The type of every event that is appended on this face. */
export const MESSAGE = 'message';

/** How many messages one append takes. */
const MESSAGES_PER_APPEND = 10_000;

/** The one message that a body of bytes is. Copied: a body may be a small part of what the socket read at once. */
export function bytesMessage(body: Buffer): LogEvent[] {
  return [{ type: MESSAGE, data: Buffer.from(body) }];
}

/**
 * The messages of a JSON body: of an array each element, of anything else itself. Each keeps its own text, so that
 * numbers come back as they were written. Throws `invalid-json`; `too-large` for too many at once.
 */
export function jsonMessages(body: Buffer): LogEvent[] {
  const text = body.toString('utf8');
  // Decoding puts U+FFFD where bytes are wrong; only a text that has one needs the second look.
  if (text.includes('\ufffd') && !isUtf8(body))
    throw new PlayheadError('invalid-json', 'The body is not UTF-8.');
  const value = parsed(text);
  if (!Array.isArray(value)) return [{ type: MESSAGE, data: onOneLine(text) }];
  if (value.length > MESSAGES_PER_APPEND) {
    throw new PlayheadError('too-large', `An append holds at most ${MESSAGES_PER_APPEND} messages.`);
  }
  const begin = text.indexOf('[') + 1;
  const end = text.lastIndexOf(']');
  if (value.length === 0) return [];
  if (value.length === 1) return [{ type: MESSAGE, data: onOneLine(text.slice(begin, end)) }];
  return elements(text, begin, end);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlayheadError('invalid-json', 'The body is not valid JSON.', { cause });
  }
}

/** Splits what stands between an array's brackets, which is known to be valid, at the commas of that array. */
function elements(text: string, begin: number, end: number): LogEvent[] {
  const found: LogEvent[] = [];
  let depth = 0;
  let start = begin;
  for (let at = begin; at < end; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = behindString(text, at) - 1;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        depth++;
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--;
        break;
      case COMMA:
        if (depth > 0) break;
        found.push({ type: MESSAGE, data: onOneLine(text.slice(start, at)) });
        start = at + 1;
        break;
      default:
    }
  }
  found.push({ type: MESSAGE, data: onOneLine(text.slice(start, end)) });
  return found;
}

function behindString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const BREAK = /[\r\n]/;

/** Within strings JSON has no line breaks, so what is replaced is white space. */
function onOneLine(json: string): string {
  const text = json.trim();
  return BREAK.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text;
}
