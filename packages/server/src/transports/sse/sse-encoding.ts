import type { Encoding } from '../../hub/hub.ts';
import type { SseFace } from '../transport.ts';

const encodings = new WeakMap<SseFace, { chunked?: Encoding; plain?: Encoding }>();

/**
 * The encoding of a face: one object per face and framing, because the hub shares bytes between subscribers that
 * have the same encoding object. `chunked`: each write is one HTTP/1.1 chunk, framed once for all of them;
 * otherwise (HTTP/1.0) the bytes as they are.
 */
export function sseEncoding(face: SseFace, chunked: boolean): Encoding {
  let known = encodings.get(face);
  if (known === undefined) {
    known = {};
    encodings.set(face, known);
  }
  if (chunked) return (known.chunked ??= encodingOf(face, frameChunk));
  return (known.plain ??= encodingOf(face, join));
}

function encodingOf(face: SseFace, frame: (parts: readonly Uint8Array[]) => Uint8Array): Encoding {
  return {
    encode(batch) {
      const encoded = face.encode(batch);
      return typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
    },
    frame(parts, end) {
      return frame(end === undefined || face.join === undefined ? parts : [face.join(parts, end)]);
    },
  };
}

/** One HTTP chunk (RFC 9112, section 7.1). Empty parts give no bytes at all: an empty chunk would end the body. */
function frameChunk(parts: readonly Uint8Array[]): Uint8Array {
  const size = length(parts);
  if (size === 0) return EMPTY;
  const head = `${size.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(head.length + size + 2);
  chunk.write(head, 'latin1');
  const end = copy(parts, chunk, head.length);
  chunk[end] = 13;
  chunk[end + 1] = 10;
  return chunk;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const joined = Buffer.allocUnsafe(length(parts));
  copy(parts, joined, 0);
  return joined;
}

function length(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

function copy(parts: readonly Uint8Array[], target: Buffer, at: number): number {
  let offset = at;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return offset;
}

const EMPTY = new Uint8Array(0);
