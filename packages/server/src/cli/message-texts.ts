import { escapeLineBreaks } from '@playhead/protocol';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';

/**
 * The elements of a JSON array, each as the text that it was sent as, on one line. They are not parsed and printed
 * again, because that changes numbers that JavaScript does not have.
 */
export function messageTexts(array: string): string[] {
  check(array);
  const texts: string[] = [];
  const end = array.lastIndexOf(']');
  let begin = array.indexOf('[') + 1;
  let depth = 0;
  for (let i = begin; i < end; i++) {
    switch (array.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(array, i);
        break;
      case BRACE:
      case BRACKET:
        depth++;
        break;
      case END_BRACE:
      case END_BRACKET:
        depth--;
        break;
      case COMMA:
        if (depth > 0) break;
        texts.push(oneLine(array.slice(begin, i)));
        begin = i + 1;
        break;
      default:
    }
  }
  const last = oneLine(array.slice(begin, end));
  if (last !== '') texts.push(last);
  return texts;
}

const [QUOTE, COMMA, BACKSLASH, BRACE, BRACKET, END_BRACE, END_BRACKET] = [34, 44, 92, 123, 91, 125, 93];

function endOfString(text: string, begin: number): number {
  for (let i = begin + 1; ; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
}

// A line end inside JSON that is valid stands between tokens.
function oneLine(json: string): string {
  return escapeLineBreaks(json.trim().replaceAll(/[\r\n]+/g, ' '));
}

function check(text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!Array.isArray(value)) {
    throw new Failure(EXIT.failed, 'The server sent something else than a JSON array for a stream of JSON.');
  }
}
