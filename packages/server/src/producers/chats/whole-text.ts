/**
 * Makes well-formed text out of pieces that may be cut inside a character: a high surrogate at the end of a piece
 * waits for the next, and what is alone becomes U+FFFD. Text that is stored is UTF-8, which knows no lone surrogates.
 */
export interface WholeText {
  /** What can be said now; '' if all of it waits. */
  add(piece: string): string;
  /** What still waited, when nothing more comes. */
  end(): string;
}

export function createWholeText(): WholeText {
  let waiting = '';
  return {
    add(piece) {
      let text = waiting + piece;
      waiting = '';
      const last = text.charCodeAt(text.length - 1);
      if (last >= 0xd800 && last <= 0xdbff) {
        waiting = text.slice(-1);
        text = text.slice(0, -1);
      }
      return text.toWellFormed();
    },
    end() {
      const text = waiting.toWellFormed();
      waiting = '';
      return text;
    },
  };
}
