/** Words of a query; more are not looked at. */
const WORDS = 24;

/**
 * A text as an FTS5 expression: each of its words quoted, so that none is taken for an operator. Undefined if it has
 * none. A word is what the index's tokenizer takes for one: letters and digits.
 */
export function matchExpression(text: string, words: 'all' | 'any'): string | undefined {
  const found = text.toLowerCase().match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu);
  if (found === null) return undefined;
  const quoted = [...new Set(found)].slice(0, WORDS).map((word) => `"${word}"`);
  return quoted.join(words === 'all' ? ' ' : ' OR ');
}
