import type { Frames } from '../../frames/frames.ts';
import type { Recordings } from '../../frames/recordings.ts';
import type { SocketFaces } from '../../transports/socket-face.ts';
import type { Video } from '../../video/video.ts';
import type { Producer, ProducerContext } from '../producer.ts';
import type { Exporter } from '../recording-export.ts';
import { CAMERA_OPTIONS, type CameraRecord, KIND } from './camera-record.ts';
import { mountCameras } from './camera-routes.ts';
import { createCameraStore } from './camera-store.ts';
import { mountDetections } from './detection-routes.ts';
import type { FindParts } from './find-camera.ts';
import { createLiveCameras } from './live-cameras.ts';
import { mountPictures } from './picture-routes.ts';
import { prepareSource, type Reachable } from './prepare-source.ts';
import { publishSocket } from './publish-socket.ts';
import { mountPush } from './push-routes.ts';
import { createCameraRecordings } from './recording-cameras.ts';
import { mountCameraRecording } from './recording-face.ts';
import type { CameraSettings } from './settings.ts';
import type { Prepared } from './video-source.ts';
import { viewerSocket } from './viewer-socket.ts';

export interface CamerasParts extends ProducerContext {
  readonly frames: Frames;
  readonly video: Video;
  readonly recordings: Recordings;
  readonly exporter: Exporter;
  readonly settings: CameraSettings;
  readonly reachable: Reachable;
  /** Whose the first camera is, and whose public cameras can be watched without a credential. */
  readonly defaultTenant: string;
  /** Origins whose pages may watch those, besides those of this machine. */
  readonly origins: readonly string[];
  /** The port of the second listener; null: there is none. */
  readonly port: () => number | null;
}

export interface Cameras extends Producer {
  /** Adds the sockets of viewers, and nothing else, to another listener (CC-14). */
  mountSockets(sockets: SocketFaces): void;
}

/** A moving picture, so that there is something to see at once. */
const DEMO = { id: 'demo', url: 'pattern:testsrc2?width=640&height=360&fps=15', public: true } as const;

/** Cameras: frames for whoever watches, with what was found in them. Its face is `/ws/stream/{id}` and `/v1/cameras…`. */
export function createCameras(parts: CamerasParts): Cameras {
  const { log, hub, records, sse, clock, logger, settings, video, reachable } = parts;
  const store = createCameraStore(records);
  const slots = { taken: 0 };
  const { recordings, exporter } = parts;
  const recorded = createCameraRecordings({ recordings, records, clock, logger });
  const live = createLiveCameras({
    ...{ log, store, hub, clock, logger, video, settings, frames: parts.frames },
    prepare: (record) => prepare(record),
    served: (camera) => recorded.resume(camera),
    leaving: (camera) => recorded.forget(camera),
  });
  const find: FindParts = { live, defaultTenant: parts.defaultTenant, origins: new Set(parts.origins) };
  const pushing = { live, clock, pushBytes: settings.pushBytes };
  let checking: Disposable | undefined;

  async function prepare(record: CameraRecord): Promise<Prepared> {
    if (video.missing !== undefined) return { kind: 'refused', reason: 'missing', message: video.missing };
    if (slots.taken >= settings.running) {
      const message = `At most ${settings.running} cameras are open at once.`;
      return { kind: 'refused', reason: 'limit', message };
    }
    slots.taken++;
    let held = true;
    const give = (): void => {
      if (held) slots.taken--;
      held = false;
    };
    try {
      const url = await store.urlOf(record);
      if (url === null) throw new TypeError('A camera without a URL is not opened.');
      const prepared = await prepareSource(record, url, reachable);
      if (prepared.kind === 'refused') {
        give();
        return prepared;
      }
      const release = (): void => {
        give();
        prepared.release();
      };
      return { ...prepared, release };
    } catch (error) {
      give();
      throw error;
    }
  }

  return {
    kind: KIND,
    async settle() {
      await live.load();
      if (settings.demo && (await store.first('demo'))) {
        const record: CameraRecord = {
          ...{ ...CAMERA_OPTIONS, ...DEMO },
          ...{ tenant: parts.defaultTenant, createdAt: clock.now(), networks: null },
        };
        if (live.get(record.tenant, record.id) === undefined) await live.add(record, undefined);
      }
      checking = clock.every(settings.checkMs, () => live.check());
    },
    mount(router, sockets) {
      mountCameras(router, { live, recorded, store, clock, reachable, port: parts.port });
      mountPush(router, pushing);
      mountPictures(router, { ...find, hub, sse, clock, openMs: settings.openMs });
      mountDetections(router, { live });
      mountCameraRecording(router, { live, recorded, recordings, exporter });
      sockets.serve(viewerSocket(find));
      sockets.serve(publishSocket(pushing));
    },
    mountSockets(sockets) {
      sockets.serve(viewerSocket(find));
    },
    async [Symbol.asyncDispose]() {
      checking?.[Symbol.dispose]();
      await recorded.stop();
      live[Symbol.dispose]();
    },
  };
}
