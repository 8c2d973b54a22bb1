import type { Frame, FrameHead } from './frames.ts';

/** The type of events that are frames. */
export const FRAME = 'frame';

/**
 * A frame as bytes, the form in which it is an event and a message on a WebSocket:
 *
 *   2 bytes: length n of the head, big-endian | n bytes: the head, JSON in UTF-8 | the JPEG
 */
export function encodeFrameMessage({ head, jpeg }: Frame): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  if (text.length > 0xffff) throw new RangeError('The head of a frame is at most 65,535 bytes.');
  const message = Buffer.allocUnsafe(2 + text.length + jpeg.length);
  message.writeUInt16BE(text.length);
  message.set(text, 2);
  message.set(jpeg, 2 + text.length);
  return message;
}

/** The frame in such bytes, without a copy; undefined for what is none. */
export function readFrameMessage(message: Uint8Array): Frame | undefined {
  const jpeg = jpegOf(message);
  if (jpeg === undefined) return undefined;
  const head: unknown = JSON.parse(Buffer.from(message.subarray(2, message.length - jpeg.length)).toString());
  return isHead(head) ? { head, jpeg } : undefined;
}

/** Its picture alone. */
export function jpegOf(message: Uint8Array): Uint8Array | undefined {
  const [high = 0, low = 0] = message;
  const start = 2 + high * 256 + low;
  return start > message.length ? undefined : message.subarray(start);
}

const texts = new WeakMap<Uint8Array, string>();

/** Its picture in base64, made once for all formats and streams that show it. */
export function base64Of(message: Uint8Array): string {
  let text = texts.get(message);
  if (text === undefined) {
    const jpeg = jpegOf(message) ?? new Uint8Array();
    text = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.length).toString('base64');
    texts.set(message, text);
  }
  return text;
}

function isHead(value: unknown): value is FrameHead {
  return typeof value === 'object' && value !== null && 'number' in value && 'time' in value;
}
