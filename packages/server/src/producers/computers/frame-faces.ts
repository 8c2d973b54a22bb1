import { jsonLine } from '@playhead/protocol';
import { base64Of, readFrameMessage } from '../../frames/frame-message.ts';
import type { SseFace } from '../../transports/transport.ts';
import { newestOf } from '../picture-faces.ts';

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
