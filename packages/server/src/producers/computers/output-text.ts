/** What a command writes, up to a bound. */
export interface KeptOutput {
  add(bytes: Buffer): void;
  /** As UTF-8; what is none becomes U+FFFD. */
  text(): string;
  /** More came than is kept. */
  readonly cut: boolean;
}

/** Keeps the first `limit` bytes, cut at a whole character. */
export function createKept(limit: number): KeptOutput {
  const pieces: Buffer[] = [];
  let length = 0;
  let cut = false;
  return {
    add(bytes) {
      const piece = bytes.subarray(0, limit - length);
      if (piece.length < bytes.length) cut = true;
      if (piece.length === 0) return;
      pieces.push(piece);
      length += piece.length;
    },
    text() {
      // A character that the bound cut through is left out: a decoder that is told of more to come holds it back.
      return new TextDecoder().decode(Buffer.concat(pieces), { stream: cut });
    },
    get cut() {
      return cut;
    },
  };
}
