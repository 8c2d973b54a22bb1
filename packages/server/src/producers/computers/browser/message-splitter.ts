/**
 * Cuts the bytes that a browser writes into messages: each ends with a zero byte, wherever the pipe's pieces end. A
 * message that lies within one piece is a view of it, not a copy.
 */
export interface MessageSplitter {
  /** False: a message is longer than the bound, and nothing more can be read. */
  feed(piece: Buffer): boolean;
}

export function createMessageSplitter(maxBytes: number, message: (bytes: Buffer) => void): MessageSplitter {
  let begun: Buffer[] = [];
  let size = 0;

  return {
    feed(piece) {
      let from = 0;
      for (;;) {
        const end = piece.indexOf(0, from);
        const part = piece.subarray(from, end === -1 ? undefined : end);
        if (size + part.length > maxBytes) return false;
        if (end === -1) {
          if (part.length > 0) begun.push(part);
          size += part.length;
          return true;
        }
        if (begun.length === 0) message(part);
        else {
          begun.push(part);
          const whole = Buffer.concat(begun, size + part.length);
          begun = [];
          size = 0;
          message(whole);
        }
        from = end + 1;
      }
    },
  };
}
