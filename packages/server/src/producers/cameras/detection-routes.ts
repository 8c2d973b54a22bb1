import { formatPosition, parsePosition, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { Camera } from './camera.ts';
import { checkBoxes, objectsSchema } from './detection-input.ts';
import { requireCamera } from './find-camera.ts';
import type { LiveCameras } from './live-cameras.ts';
import type { FrameName, RecentFrame } from './recent-frames.ts';

const frameName: z.ZodType<FrameName> = z.union(
  [
    z
      .strictObject({ position: z.string().refine((text) => parsePosition(text) !== undefined) })
      .transform(({ position }) => ({ kind: 'position' as const, position })),
    z
      .strictObject({ number: z.int().min(1) })
      .transform(({ number }) => ({ kind: 'number' as const, number })),
    z
      .strictObject({ timestamp: z.number() })
      .transform(({ timestamp }) => ({ kind: 'timestamp' as const, timestamp })),
  ],
  'must name a frame by one of position, number and timestamp',
);

const report = z.strictObject({
  frame: frameName,
  detector: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ : -')
    .default('outside'),
  objects: objectsSchema,
});

/** `POST …/detections`: what an outside detector found in a frame. Answered once it is committed. */
export function mountDetections(router: Router, { live }: { readonly live: LiveCameras }): void {
  router.add({
    method: 'POST',
    path: '/v1/cameras/:id/detections',
    access: { scope: 'cameras:write' },
    handle: (exchange) => take(live, exchange),
  });
}

async function take(live: LiveCameras, exchange: Exchange): Promise<Reply> {
  const { frame: name, detector, objects } = checkInput(report, await exchange.json());
  const camera = requireCamera(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
  const frame = frameOf(camera, name);
  checkBoxes(objects, frame, 'objects');
  const { position, late } = await camera.report(frame, detector, objects);
  if (position === undefined) throw new PlayheadError('not-found', 'The camera was deleted.');
  const { number, time, width, height } = frame;
  const told = { position: formatPosition(frame.position), number, timestamp: time, width, height };
  return { status: 201, body: { position, late, frame: told } };
}

function frameOf(camera: Camera, name: FrameName): RecentFrame {
  const frame = camera.recent.find(name);
  switch (frame) {
    case 'lost':
      throw new PlayheadError('position-lost', 'That frame is too long ago: it is not known any more.');
    case 'unknown':
      throw new PlayheadError('not-found', 'There was no such frame.');
    default:
      return frame;
  }
}
