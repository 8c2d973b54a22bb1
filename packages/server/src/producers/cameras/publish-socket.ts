import { jsonLine, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { jpegOf } from '../../frames/frame-message.ts';
import type { SocketFace } from '../../transports/socket-face.ts';
import { checkInput } from '../check-input.ts';
import { cameraId } from './camera-input.ts';
import { objectsSchema } from './detection-input.ts';
import { type Pushed, pushedCamera, pushFrame, type PushParts } from './push-frame.ts';
import { FRAMES_PROTOCOL } from './viewer-socket.ts';

/** The longest head of a message. */
const HEAD_BYTES = 0xffff;

const head = z.object({
  time: z.number().min(0).max(Number.MAX_SAFE_INTEGER).exactOptional(),
  detections: objectsSchema.exactOptional(),
});

/**
 * `/v1/cameras/{id}/publish`: one binary message a frame, either a JPEG or a frame message with `time` in its head. Each is
 * answered by a text, in order, so that a sender knows how far it is; one that is refused is answered with why, and the
 * socket goes on.
 */
export function publishSocket(parts: PushParts): SocketFace {
  return {
    paths: ['/v1/cameras/:id/publish'],
    access: { scope: 'cameras:write' },
    tokenInQuery: true,
    protocols: [FRAMES_PROTOCOL],
    messageBytes: parts.pushBytes + HEAD_BYTES + 2,
    async admit({ params, principal }) {
      if (principal === undefined) throw new PlayheadError('unauthenticated', 'A key is needed.');
      const id = checkInput(cameraId, params['id']);
      await pushedCamera(parts, principal, id);
      return (line) => ({
        text() {
          throw new PlayheadError('invalid-request', 'Frames are binary messages.');
        },
        bytes(message) {
          // Looked up each time: it may have been deleted, or given a source.
          const camera = parts.live.get(principal.tenant, id);
          if (camera === undefined) {
            line.close('not-found', 'the camera was deleted');
            return;
          }
          try {
            const frame = readPublished(message);
            const published = pushFrame(parts, camera, frame) === 'published';
            line.send(jsonLine({ type: 'taken', published, time: frame.timestamp ?? null }));
          } catch (error) {
            if (!(error instanceof PlayheadError)) throw error;
            line.send(jsonLine({ type: 'refused', code: error.code, message: error.message }));
          }
        },
        closed() {},
      });
    },
  };
}

/** A message as its two forms have it. A JPEG begins with FF D8, which no head is as long as to begin with. */
function readPublished(message: Buffer): Pushed {
  if (message[0] === 0xff && message[1] === 0xd8)
    return { jpeg: message, timestamp: undefined, detections: undefined };
  const jpeg = jpegOf(message);
  if (jpeg === undefined) throw new PlayheadError('invalid-request', 'This is no frame message.');
  const { time, detections } = checkInput(head, parse(message.subarray(2, message.length - jpeg.length)));
  return { jpeg, timestamp: time, detections };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new PlayheadError('invalid-json', 'The head of the message is not valid JSON.', { cause });
  }
}
