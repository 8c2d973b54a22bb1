/**
 * JSON on one line for readers that split lines where JSON does not end them: Python's `splitlines` (and so
 * `requests.iter_lines`) also breaks at U+0085, U+2028 and U+2029, which JSON leaves unescaped (D-10).
 * VT, FF and FS–US are control characters, which JSON escapes by itself.
 */
const BREAKS = /[\u0085\u2028\u2029]/g;

/** Makes a JSON text safe for one line of SSE or NDJSON. Its value stays the same. */
export function escapeLineBreaks(json: string): string {
  return BREAKS.test(json) ? json.replace(BREAKS, escape) : json;
}

/** A value as JSON on one line; `null` for what JSON cannot say (undefined, a function). */
export function jsonLine(value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  return json === undefined ? 'null' : escapeLineBreaks(json);
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
