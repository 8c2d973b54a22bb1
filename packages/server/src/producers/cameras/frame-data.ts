import { jsonLine } from '@playhead/protocol';
import { base64Of, readFrameMessage } from '../../frames/frame-message.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import { newestOf } from '../picture-faces.ts';

/**
 * The documented FrameData, one text message a frame: `frame` is the JPEG in base64, `timestamp` ms since 1970, and
 * `detections`, where somebody has looked, what was found in this very frame, in its pixels (CC-15 … CC-18). One object
 * for all viewers of a camera, so that a frame is encoded once.
 */
export function frameData(id: string): SocketRendering {
  const camera = jsonLine(id);
  return {
    render(batch) {
      const message = newestOf(batch);
      const head = message === null ? undefined : readFrameMessage(message)?.head;
      if (message === null || head === undefined) return [];
      const found = head['detections'];
      const detections = Array.isArray(found) ? `,"detections":${jsonLine(found)}` : '';
      return [`{"frame":"${base64Of(message)}","timestamp":${head.time},"camera_id":${camera}${detections}}`];
    },
  };
}
