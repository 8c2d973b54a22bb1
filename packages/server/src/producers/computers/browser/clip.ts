/** Bounds of what strangers say, characters. */
export const BOUNDS = { title: 1_024, url: 8_192, text: 8_192 } as const;

/** Cut to a bound, with a mark where it was cut, never within a character. */
export function clip(text: string, bound: number): string {
  if (text.length <= bound) return text;
  const cut = text.slice(0, bound - 1);
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}
