import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { cameraId } from './camera-input.ts';
import { objectsSchema } from './detection-input.ts';
import { checkPushed, pushedCamera, pushFrame, type PushParts } from './push-frame.ts';

/** As documented; and where a client whose base has the prefix already ends up. */
const PATHS = ['/api/v1/actions/actions/send', '/api/v1/actions/api/v1/actions/actions/send'] as const;

/** What a body has besides the frame, bytes. */
const AROUND = 256 * 1024;

const DATA_URL = /^data:image\/jpe?g;base64,/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const body = z.object({
  streamName: z.string().min(1).max(128).exactOptional(),
  streamType: z.literal('frame', 'must be "frame"'),
  frame: z.string().min(1),
  timestamp: z.number().min(0).max(Number.MAX_SAFE_INTEGER).exactOptional(),
  camera_id: cameraId.exactOptional(),
  detections: objectsSchema.exactOptional(),
});

/** Frames that pages send one by one (CC-22). Those that a viewer forwards do not come back to it (CC-23). */
export function mountPush(router: Router, parts: PushParts): void {
  const bodyLimit = Math.ceil((parts.pushBytes * 4) / 3) + AROUND;
  for (const path of PATHS) {
    router.add({
      method: 'POST',
      path,
      access: { scope: 'cameras:write' },
      bodyLimit,
      handle: (exchange) => push(parts, exchange),
    });
  }
}

async function push(parts: PushParts, exchange: Exchange): Promise<Reply> {
  const { streamName, frame, timestamp, camera_id, detections } = checkInput(body, await exchange.json());
  const id = camera_id ?? checkInput(cameraId, streamName ?? '');
  const text = frame.replace(DATA_URL, '');
  if (!BASE64.test(text))
    throw new PlayheadError('invalid-request', 'frame: is not base64', { extensions: { field: 'frame' } });
  const pushed = { jpeg: Buffer.from(text, 'base64'), timestamp, detections };
  // What is refused makes no camera.
  checkPushed(parts, pushed);
  const camera = await pushedCamera(parts, callerOf(exchange), id);
  const outcome = pushFrame(parts, camera, pushed);
  const published = outcome === 'published';
  return {
    status: published ? 200 : 202,
    body: { success: true, id: exchange.id, camera_id: id, published },
  };
}
