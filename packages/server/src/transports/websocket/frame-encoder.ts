export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The head of a whole, unmasked frame: what a server sends (RFC 6455, section 5.2). */
function writeHead(target: Buffer, opcode: number, length: number): number {
  target[0] = 0x80 | opcode;
  if (length < 126) {
    target[1] = length;
    return 2;
  }
  if (length < 65_536) {
    target[1] = 126;
    target.writeUInt16BE(length, 2);
    return 4;
  }
  target[1] = 127;
  target.writeBigUInt64BE(BigInt(length), 2);
  return 10;
}

function headLength(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** One frame that holds these parts, one after the other. */
export function encodeFrame(opcode: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(headLength(length) + length);
  let at = writeHead(frame, opcode, length);
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** One text frame. */
export function encodeText(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headLength(length) + length);
  frame.write(text, writeHead(frame, OPCODE.text, length));
  return frame;
}

/** A close frame. The reason is cut to what a control frame holds, at a whole character. */
export function encodeClose(code: number, reason: string): Buffer {
  let cut = Buffer.from(reason);
  if (cut.length > 123) {
    let end = 123;
    while (((cut[end] ?? 0) & 0xc0) === 0x80) end--;
    cut = cut.subarray(0, end);
  }
  const head = Buffer.allocUnsafe(2);
  head.writeUInt16BE(code);
  return encodeFrame(OPCODE.close, head, cut);
}
