import type { Readable } from 'node:stream';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';

/** Characters of one line. What is longer is no document of ours. */
const LONGEST = 64 * 2 ** 20;

/**
 * Lines of text, in the pieces in which they come. Not node:readline: that also ends lines at U+2028 and U+2029, which
 * stand unescaped in JSON.
 */
export async function* readLines(input: Readable): AsyncGenerator<readonly string[]> {
  input.setEncoding('utf8');
  // Joined once, when the line ends: a long line comes in many pieces.
  let begun: string[] = [];
  let length = 0;
  for await (const piece of input as AsyncIterable<string>) {
    const lines = piece.split('\n');
    const rest = lines.pop() ?? '';
    if (lines.length > 0) {
      lines[0] = begun.join('') + (lines[0] ?? '');
      [begun, length] = [[], 0];
      yield lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    }
    if (rest !== '') begun.push(rest);
    length += rest.length;
    if (length > LONGEST) throw new Failure(EXIT.failed, `A line is longer than ${LONGEST} characters.`);
  }
  if (begun.length > 0) yield [begun.join('')];
}
