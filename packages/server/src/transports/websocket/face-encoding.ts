import type { Encoding } from '../../hub/hub.ts';
import type { SocketRendering } from '../socket-face.ts';
import { encodeFrame, encodeText, OPCODE } from './frame-encoder.ts';

const encodings = new WeakMap<SocketRendering, Encoding>();

/** The encoding of a rendering: the same object for all its viewers, because the hub shares bytes by it. */
export function faceEncoding(rendering: SocketRendering): Encoding {
  let encoding = encodings.get(rendering);
  if (encoding === undefined) {
    encoding = {
      encode: (batch) =>
        joined(
          rendering
            .render(batch)
            .map((message) =>
              typeof message === 'string' ? encodeText(message) : encodeFrame(OPCODE.binary, message),
            ),
        ),
      frame: joined,
    };
    encodings.set(rendering, encoding);
  }
  return encoding;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
}
