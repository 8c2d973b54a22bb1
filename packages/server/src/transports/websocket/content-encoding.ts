import { formatPosition, jsonLine } from '@playhead/protocol';
import type { ChunkEnd, Encoding } from '../../hub/hub.ts';
import type { ReadBegun } from '../gateway.ts';
import { encodeFrame, OPCODE } from './frame-encoder.ts';

/** How what was read of a stream becomes frames. */
export interface ContentEncoding extends Encoding {
  /** Where a chunk that this made does end. */
  endOf(chunk: Uint8Array): ChunkEnd | undefined;
}

/** More streams than this read at once share bytes less well; nothing else changes. */
const KEPT = 1024;

const kept = new WeakMap<Encoding, Map<string, ContentEncoding>>();

/** The encoding of a stream's content: the same object for all its readers, so that the hub shares what it encodes. */
export function contentEncoding(stream: string, begun: Pick<ReadBegun, 'json' | 'content'>): ContentEncoding {
  const known = kept.get(begun.content) ?? new Map<string, ContentEncoding>();
  kept.set(begun.content, known);
  let encoding = known.get(stream);
  if (encoding !== undefined) return encoding;
  encoding = make(stream, begun);
  for (const oldest of known.keys()) {
    if (known.size < KEPT) break;
    known.delete(oldest);
  }
  known.set(stream, encoding);
  return encoding;
}

/**
 * A chunk is one frame, which says where it ends: of a stream of JSON a text frame, whose `messages` are the very array
 * that HTTP would send; of any other a binary frame, with the same members as its head and the bytes behind them.
 */
function make(stream: string, { json, content }: Pick<ReadBegun, 'json' | 'content'>): ContentEncoding {
  const ends = new WeakMap<Uint8Array, ChunkEnd>();
  const members = (end: ChunkEnd): string => {
    const head = {
      ...{ type: 'data', stream, position: formatPosition(end.next) },
      ...(end.live ? { up_to_date: true } : {}),
      ...(end.closed ? { closed: true } : {}),
    };
    return jsonLine(head);
  };
  const frame = (body: Uint8Array, end: ChunkEnd): Buffer => {
    const head = members(end);
    if (json) return encodeFrame(OPCODE.text, Buffer.from(`${head.slice(0, -1)},"messages":`), body, CLOSING);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(Buffer.byteLength(head));
    return encodeFrame(OPCODE.binary, length, Buffer.from(head), body);
  };
  return {
    encode: (batch) => content.encode(batch),
    frame(parts, end) {
      if (end === undefined) throw new TypeError('A reader of content has to be told where a chunk ends.');
      const chunk = frame(content.frame(parts), end);
      ends.set(chunk, end);
      return chunk;
    },
    endOf: (chunk) => ends.get(chunk),
  };
}

const CLOSING = Buffer.from('}');
