import { asRecord, textOf } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';

/** An event of bytes, as a socket carries it. */
export interface BinaryEvent {
  readonly position: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What a binary frame holds (P-106): two bytes with the length of a JSON head, the head, the bytes. */
export function binaryEvent(frame: ArrayBuffer): BinaryEvent {
  const buffer = Buffer.from(frame);
  const begin = buffer.length < 2 ? 2 : 2 + buffer.readUInt16BE(0);
  if (begin > buffer.length) throw new Failure(EXIT.failed, 'The server sent a frame that is cut off.');
  const head = asRecord(JSON.parse(buffer.toString('utf8', 2, begin)) as unknown);
  return {
    position: textOf(head['position']) ?? '',
    type: textOf(head['type']) ?? '',
    bytes: buffer.subarray(begin),
  };
}
