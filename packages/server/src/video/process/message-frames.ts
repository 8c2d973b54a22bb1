/** A message, and the bytes that follow it. */
export interface Framed {
  readonly head: unknown;
  readonly body: Uint8Array;
}

/** Bytes before the head: lengths of head and body, big-endian. */
const LENGTHS = 8;
const HEAD_MAX = 4 * 2 ** 20;
/** A picture of 100 megapixels at the best quality is less. */
const BODY_MAX = 128 * 2 ** 20;

/** The start of a message on a pipe between the server and a process of video; its body of `size` bytes follows. */
export function encodeHead(head: unknown, size: number): Buffer {
  const text = JSON.stringify(head);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(LENGTHS + length);
  bytes.writeUInt32BE(length);
  bytes.writeUInt32BE(size, 4);
  bytes.write(text, LENGTHS);
  return bytes;
}

/**
 * Takes the bytes of a pipe as they come, and tells each message once it is whole. A body is copied once, to where it
 * stays. Throws `RangeError` for a message that passes the bounds: nothing sensible can follow it.
 */
export function messageReader(told: (message: Framed) => void): (chunk: Uint8Array) => void {
  const lengths = Buffer.alloc(LENGTHS);
  let part: Buffer = lengths;
  let filled = 0;
  let stage: 'lengths' | 'head' | 'body' = 'lengths';
  let head: unknown;

  function next(): void {
    filled = 0;
    switch (stage) {
      case 'lengths': {
        const length = lengths.readUInt32BE();
        if (length > HEAD_MAX || lengths.readUInt32BE(4) > BODY_MAX)
          throw new RangeError('A message of a process of video is too large.');
        stage = 'head';
        part = Buffer.allocUnsafe(length);
        break;
      }
      case 'head':
        head = JSON.parse(part.toString());
        stage = 'body';
        // Not of the pool: who keeps a picture keeps nothing beside it.
        part = Buffer.allocUnsafeSlow(lengths.readUInt32BE(4));
        break;
      case 'body': {
        const message = { head, body: part };
        stage = 'lengths';
        part = lengths;
        told(message);
      }
    }
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length || filled === part.length; ) {
      const take = Math.min(part.length - filled, chunk.length - at);
      part.set(chunk.subarray(at, at + take), filled);
      at += take;
      filled += take;
      if (filled < part.length) return;
      next();
    }
  };
}
