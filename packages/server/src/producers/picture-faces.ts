import { randomBytes } from 'node:crypto';
import { jpegOf } from '../frames/frame-message.ts';
import type { Batch } from '../log/event-log.ts';
import type { SocketRendering } from '../transports/socket-face.ts';
import type { SseFace } from '../transports/transport.ts';

/** The newest frame of a batch: whoever watches wants no other. Null where it was erased. */
export function newestOf({ events }: Batch): Uint8Array | null {
  const data = events.at(-1)?.data;
  return data instanceof Uint8Array ? data : null;
}

/** Random, so that no picture can hold it. */
const BOUNDARY = `playhead-${randomBytes(12).toString('hex')}`;

export const PARTS_TYPE: string = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

const NEXT_PART = Buffer.from(`--${BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n`);
const LINE_END = Buffer.from('\r\n');

/**
 * Each frame replaces the one before, as `<img>` shows it. A browser shows a part when it has read the head of the next,
 * and would be one frame late; so that head is sent with the frame, and can tell no length.
 */
export const partFrames: SseFace = {
  preamble: (_receipt, again) => (again ? '' : NEXT_PART.toString()),
  encode(batch) {
    const message = newestOf(batch);
    const jpeg = message === null ? undefined : jpegOf(message);
    return jpeg === undefined ? '' : Buffer.concat([jpeg, LINE_END, NEXT_PART]);
  },
  // Nothing can be said between parts; the system's own probes find readers that are gone.
  heartbeat: () => '',
  epilogue: () => '',
};

/** On a WebSocket: one binary message a frame, as it is in the stream. */
export const binaryFrames: SocketRendering = {
  render(batch) {
    const message = newestOf(batch);
    return message === null ? [] : [message];
  },
};
