import type { Recordings } from '../../frames/recordings.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import type { Exporter } from '../recording-export.ts';
import { mountRecording } from '../recording-routes.ts';
import type { Camera } from './camera.ts';
import { requireCamera } from './find-camera.ts';
import type { LiveCameras } from './live-cameras.ts';
import type { CameraRecordings } from './recording-cameras.ts';

export interface RecordingFaceParts {
  readonly live: LiveCameras;
  readonly recorded: CameraRecordings;
  readonly recordings: Recordings;
  readonly exporter: Exporter;
}

/** `/v1/cameras/{id}/recording`. Never without a key, also of a camera that can be watched without. */
export function mountCameraRecording(
  router: Router,
  { live, recorded, recordings, exporter }: RecordingFaceParts,
): void {
  const find = (exchange: Exchange): Camera =>
    requireCamera(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
  mountRecording({
    ...{ recordings, exporter },
    read: 'cameras:read',
    control: 'cameras:write',
    add: (route) => router.add({ ...route, path: `/v1/cameras/:id${route.path}` }),
    async find(exchange) {
      const recording = recorded.of(find(exchange));
      return { key: recording.key, recording };
    },
    turn: (exchange, wish) => recorded.turn(find(exchange), wish),
  });
}
