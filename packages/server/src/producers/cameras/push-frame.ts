import { PlayheadError } from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { DetectedObject } from '../../video/detector.ts';
import type { Camera } from './camera.ts';
import { CAMERA_OPTIONS, type CameraRecord } from './camera-record.ts';
import { checkBoxes } from './detection-input.ts';
import { type JpegAbout, readJpeg } from './jpeg.ts';
import type { LiveCameras } from './live-cameras.ts';

export interface PushParts {
  readonly live: LiveCameras;
  readonly clock: Clock;
  /** Bytes of one JPEG. */
  readonly pushBytes: number;
}

export interface Pushed {
  readonly jpeg: Uint8Array;
  readonly timestamp: number | undefined;
  readonly detections: readonly DetectedObject[] | undefined;
}

/** Gives a frame to a camera. Throws as `checkPushed` does. */
export function pushFrame(
  parts: Pick<PushParts, 'pushBytes'>,
  camera: Camera,
  pushed: Pushed,
): 'published' | 'not-published' {
  const size = checkPushed(parts, pushed);
  const { jpeg, timestamp, detections } = pushed;
  return camera.push({ jpeg, ...size, timestamp, ...(detections === undefined ? {} : { detections }) });
}

/** The size of a frame's picture. Throws `too-large`, and `invalid-request` for what is no JPEG, or found outside of it. */
export function checkPushed(
  { pushBytes }: Pick<PushParts, 'pushBytes'>,
  { jpeg, detections }: Pushed,
): JpegAbout {
  if (jpeg.length > pushBytes) {
    throw new PlayheadError('too-large', `frame: a JPEG is at most ${pushBytes} bytes`, {
      extensions: { limit: pushBytes },
    });
  }
  const size = readJpeg(jpeg);
  if (size === undefined) {
    throw new PlayheadError('invalid-request', 'frame: is not a JPEG', { extensions: { field: 'frame' } });
  }
  if (detections !== undefined) checkBoxes(detections, size, 'detections');
  return size;
}

/** The camera of that id; one that a push names first is made, fed by pushes. */
export async function pushedCamera(
  { live, clock }: PushParts,
  { tenant }: Principal,
  id: string,
): Promise<Camera> {
  const known = live.get(tenant, id);
  if (known !== undefined) return known;
  const record: CameraRecord = {
    ...{ ...CAMERA_OPTIONS, id, tenant, createdAt: clock.now() },
    ...{ url: null, networks: null },
  };
  try {
    return await live.add(record, undefined);
  } catch (error) {
    // Another push has made it meanwhile, or is about to.
    if (!(error instanceof PlayheadError && error.code === 'conflict')) throw error;
    const made = live.get(tenant, id);
    if (made !== undefined) return made;
    throw new PlayheadError('overloaded', 'The camera is being made. Send the next frame.', { cause: error });
  }
}
