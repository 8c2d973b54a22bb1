/** What was fed to an emulator and has had no effect yet: the beginning of a sequence, or of a character. */
export interface Unfinished {
  /** Takes what was fed. `between`: the emulator now stands between two sequences; `started`: bytes of a character. */
  feed(bytes: Uint8Array, between: boolean, started: number): void;
  readonly bytes: Uint8Array;
}

/** Programs send no longer sequences but by mistake; then its end is told without its beginning. */
const MOST = 256 * 1024;

/**
 * Keeps it. A sequence begins with ESC, or with a C1 control (U+0090 … U+009F, in UTF-8 0xC2 and one byte), and each
 * of them ends whatever was under way. So the last one that was fed begins what is unfinished.
 */
export function createUnfinished(): Unfinished {
  let kept: Uint8Array = new Uint8Array();
  return {
    feed(bytes, between, started) {
      const begin = beginningIn(bytes);
      if (between) kept = Buffer.from(started === 0 ? [] : tail(Buffer.concat([kept, bytes]), started));
      else if (begin !== -1) kept = Buffer.from(bytes.subarray(begin));
      else if (kept.length + bytes.length <= MOST) kept = Buffer.concat([kept, bytes]);
    },
    get bytes() {
      return kept;
    },
  };
}

function tail(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.subarray(bytes.length - length);
}

function beginningIn(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x1b) return at;
    if (byte >= 0x90 && byte <= 0x9f && at > 0 && bytes[at - 1] === 0xc2) return at - 1;
  }
  return -1;
}
