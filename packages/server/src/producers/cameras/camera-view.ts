import type { Camera } from './camera.ts';
import { cameraPrefix } from './camera-record.ts';

/** A camera as callers see it. JSON. */
export function cameraView(camera: Camera): object {
  const { id, url, transport, loop, fps, width, quality, detect, public: open, createdAt } = camera.record;
  const { status, since, reason, message, about } = camera.state;
  const prefix = cameraPrefix(id);
  return {
    ...{ id, url, transport, loop, fps, width, quality, detect, public: open },
    created_at: new Date(createdAt).toISOString(),
    state: {
      status,
      since: new Date(since).toISOString(),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(about === undefined ? {} : { source: about }),
    },
    streams: {
      frames: `${prefix}frames`,
      annotated: `${prefix}annotated`,
      detections: `${prefix}detections`,
      events: `${prefix}events`,
      recording: `${prefix}recording`,
    },
    viewers: camera.viewers.views.map(({ since: at, ...view }) => ({
      ...view,
      since: new Date(at).toISOString(),
    })),
  };
}

/** A camera in the shape of the documented face: what a page needs to list cameras and open one. */
export function actionView(camera: Camera): object {
  const { id, public: open, createdAt } = camera.record;
  return {
    ...{ id, camera_id: id, name: id, public: open },
    status: camera.state.status,
    created_at: new Date(createdAt).toISOString(),
  };
}
