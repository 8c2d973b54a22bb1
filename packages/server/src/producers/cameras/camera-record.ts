import { nameSegment } from '../../log/name-segment.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import type { DetectorSettings } from '../../video/detector.ts';

/** First segment of the names of cameras' streams. */
export const KIND = 'cameras';

/** What of a camera is a stream of its own. */
export type CameraPart = 'frames' | 'annotated' | 'detections' | 'events' | 'recording';

/** What the names of a camera's streams begin with. Its id is foreign, and enters them by D-4. */
export function cameraPrefix(id: string): string {
  return `${KIND}/${nameSegment(id)}/`;
}

export function cameraStream(tenant: string, id: string, part: CameraPart): StreamKey {
  return streamKey(tenant, cameraPrefix(id) + part);
}

/** What looks for objects; `outside`: somebody who posts what was found, and whom frames wait for. */
export type Detect = DetectorSettings | { readonly kind: 'outside' };

/** What can be set of a camera. */
export interface CameraOptions {
  /** How an RTSP source sends. */
  readonly transport: 'tcp' | 'udp';
  /** Whether a file begins again at its end. */
  readonly loop: boolean;
  /** At most so many pictures a second; null: as many as come. */
  readonly fps: number | null;
  /** Of the pictures, pixels; null: as they come. */
  readonly width: number | null;
  /** Of the JPEG, 1 to 100. */
  readonly quality: number;
  readonly detect: Detect | null;
  /** Whether it can be watched without a credential (D-21). */
  readonly public: boolean;
}

/** A camera, as long as the server keeps it. */
export interface CameraRecord extends CameraOptions {
  readonly id: string;
  readonly tenant: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** Without credentials; null: pushed frames are all it shows. */
  readonly url: string | null;
  /** What its URL may reach: null, public addresses; else what else its maker, an admin, may. */
  readonly networks: readonly string[] | null;
}

/** Options of a camera that says nothing of them. */
export const CAMERA_OPTIONS: CameraOptions = {
  transport: 'tcp',
  loop: true,
  fps: null,
  width: null,
  quality: 80,
  detect: null,
  public: false,
};
