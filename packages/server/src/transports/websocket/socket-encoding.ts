import { formatOffset, jsonLine } from '@playhead/protocol';
import type { Encoding } from '../../hub/hub.ts';
import type { Batch, LogEvent } from '../../log/event-log.ts';
import { encodeFrame, OPCODE } from './frame-encoder.ts';

/** More streams than this watched at once share bytes less well; nothing else changes. */
const KEPT = 4096;

const kept = new Map<string, Encoding>();

/** The encoding of a stream: the same object for all its subscribers, so that the hub shares what it encodes. */
export function sharedEncoding(stream: string): Encoding {
  let encoding = kept.get(stream);
  if (encoding !== undefined) return encoding;
  encoding = socketEncoding(stream);
  for (const oldest of kept.keys()) {
    if (kept.size < KEPT) break;
    kept.delete(oldest);
  }
  kept.set(stream, encoding);
  return encoding;
}

/**
 * A stream's events as WebSocket frames, whole and unmasked, so that a chunk goes to the socket as it is. All JSON
 * events of a chunk are one text frame; an event of bytes is a binary frame of its own:
 *
 *   2 bytes: length n of the head, big-endian | n bytes: JSON {stream, position, type, time} | the bytes
 *
 * The frames name the stream, not the subscription, so that all its subscribers get the same bytes. A part is the
 * JSON of events, one after the other, or, if it holds bytes anywhere, whole frames: the first bit tells which,
 * because JSON begins with a brace and the head of a last frame has its highest bit set.
 */
function socketEncoding(stream: string): Encoding {
  const opening = Buffer.from(`{"type":"events","stream":${JSON.stringify(stream)},"events":[`);
  const textFrame = (parts: readonly Uint8Array[]): Buffer =>
    encodeFrame(OPCODE.text, opening, ...joined(parts), CLOSING);
  return {
    encode(batch) {
      const time = new Date(batch.time).toISOString();
      const frames: Uint8Array[] = [];
      let text = '';
      batch.events.forEach((event, i) => {
        const position = positionAt(batch, i);
        if (event.data instanceof Uint8Array) {
          if (text !== '') frames.push(textFrame([Buffer.from(text)]));
          text = '';
          frames.push(binaryFrame(stream, position, event.type, time, event.data));
        } else {
          if (text !== '') text += ',';
          text += `{"position":"${position}","type":"${event.type}","time":"${time}","data":${dataOf(event)}`;
        }
      });
      if (frames.length === 0) return Buffer.from(text);
      if (text !== '') frames.push(textFrame([Buffer.from(text)]));
      return Buffer.concat(frames);
    },
    frame(parts) {
      const frames: Uint8Array[] = [];
      let texts: Uint8Array[] = [];
      const flush = (): void => {
        if (texts.length > 0) frames.push(textFrame(texts));
        texts = [];
      };
      for (const part of parts) {
        if (part.length === 0) continue;
        if ((part[0] ?? 0) < 0x80) texts.push(part);
        else {
          flush();
          frames.push(part);
        }
      }
      flush();
      const [only] = frames;
      return only !== undefined && frames.length === 1 ? only : Buffer.concat(frames);
    },
  };
}

const CLOSING = Buffer.from(']}');
const COMMA = Buffer.from(',');

function joined(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [COMMA, part]));
}

function positionAt(batch: Batch, index: number): string {
  return `${batch.epoch}-${formatOffset(batch.first + index)}`;
}

function dataOf({ data }: LogEvent): string {
  return data === null ? 'null,"redacted":true}' : `${String(data)}}`;
}

function binaryFrame(
  stream: string,
  position: string,
  type: string,
  time: string,
  bytes: Uint8Array,
): Buffer {
  const head = Buffer.from(jsonLine({ stream, position, type, time }));
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(head.length);
  return encodeFrame(OPCODE.binary, length, head, bytes);
}
