import { randomBytes } from 'node:crypto';
import { jsonLine } from '@playhead/protocol';
import { base64Of, jpegOf, readFrameMessage } from '../../frames/frame-message.ts';
import type { Batch } from '../../log/event-log.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import type { SseFace } from '../../transports/transport.ts';

/** The newest frame of a batch: whoever watches wants no other. Null where it was erased. */
function newestOf({ events }: Batch): Uint8Array | null {
  const data = events.at(-1)?.data;
  return data instanceof Uint8Array ? data : null;
}

const comments = {
  preamble: () => ': frames follow\n\n',
  heartbeat: () => ': heartbeat\n\n',
  epilogue: () => '',
} satisfies Partial<SseFace>;

/**
 * As documented: one `data:` line a frame, which is the JPEG in base64, and no other such line ever, because clients
 * decode every one (CO-10, CO-11).
 */
export const rawFrames: SseFace = {
  ...comments,
  encode(batch) {
    const message = newestOf(batch);
    return message === null ? '' : `data: ${base64Of(message)}\n\n`;
  },
};

/** One JSON object a frame, with the picture by the names that different generations of clients know. */
export const jsonFrames: SseFace = {
  ...comments,
  encode(batch) {
    const message = newestOf(batch);
    const frame = message === null ? undefined : readFrameMessage(message);
    if (message === null || frame === undefined) return '';
    const { time, ...head } = frame.head;
    const text = base64Of(message);
    const metadata = jsonLine({ timestamp: new Date(time).toISOString(), ...head });
    return `data: {"frame":"${text}","image_data":"${text}","metadata":${metadata}}\n\n`;
  },
};

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
