import { PlayheadError } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import { Camera, type CameraParts } from './camera.ts';
import { cameraPrefix, type CameraRecord, cameraStream } from './camera-record.ts';
import type { CameraStore } from './camera-store.ts';

export interface LiveParts extends CameraParts {
  readonly log: EventLog;
  readonly store: CameraStore;
  /** One begins to be served; before one is removed. */
  readonly served: (camera: Camera) => Promise<void>;
  readonly leaving: (camera: Camera) => Promise<void>;
}

/** All cameras there are. What is changed here is kept over restarts. */
export interface LiveCameras extends Disposable {
  /** Opens those that are kept. Before the first request. */
  load(): Promise<void>;
  get(tenant: string, id: string): Camera | undefined;
  /** Those of a tenant, in the order of their ids. */
  list(tenant: string): readonly Camera[];
  /** Throws `conflict` if there is one of that id, `overloaded` if the tenant has as many as it may. */
  add(record: CameraRecord, secret: string | undefined): Promise<Camera>;
  /**
   * Does what changes or removes a camera, one after the other. Throws `not-found` if it was removed by then. Never from
   * inside of such work.
   */
  inTurn<T>(camera: Camera, work: () => Promise<T>): Promise<T>;
  /** `source`: where its pictures come from is another; `secret` as it is then. */
  change(camera: Camera, record: CameraRecord, secret: string | undefined, source: boolean): Promise<void>;
  /** Removes it with all its streams. */
  remove(camera: Camera): Promise<void>;
  check(): void;
}

/** Of what became of a camera: anybody who may watch it causes events. */
const EVENT_BYTES = 16 * 2 ** 20;

export function createLiveCameras(parts: LiveParts): LiveCameras {
  const { log, store, logger, settings } = parts;
  /** By tenant, then by id. */
  const tenants = new Map<string, Map<string, Camera | null>>();

  /** The last work on each that is waited for. */
  const turns = new WeakMap<Camera, Promise<unknown>>();

  function camerasOf(tenant: string): Map<string, Camera | null> {
    let cameras = tenants.get(tenant);
    if (cameras === undefined) tenants.set(tenant, (cameras = new Map<string, Camera | null>()));
    return cameras;
  }

  async function open(record: CameraRecord): Promise<Camera> {
    const { tenant, id } = record;
    await log.create(cameraStream(tenant, id, 'events'), { retention: { maxBytes: EVENT_BYTES } });
    await log.create(cameraStream(tenant, id, 'detections'));
    return Camera.open(parts, record);
  }

  async function forget({ tenant, id }: CameraRecord): Promise<void> {
    for (;;) {
      const streams = await log.list({ tenant, prefix: cameraPrefix(id), limit: 100 });
      for (const { key } of streams) await log.delete(key);
      if (streams.length < 100) return;
    }
  }

  return {
    async load() {
      for await (const record of store.all()) {
        try {
          const camera = await open(record);
          camerasOf(record.tenant).set(record.id, camera);
          await parts.served(camera);
        } catch (error) {
          logger.error({ camera: record.id, tenant: record.tenant, err: error }, 'a camera is not served');
        }
      }
    },
    get: (tenant, id) => tenants.get(tenant)?.get(id) ?? undefined,
    list: (tenant) =>
      [...(tenants.get(tenant)?.values() ?? [])]
        .filter((camera) => camera !== null)
        .sort((a, b) => (a.record.id < b.record.id ? -1 : 1)),
    async add(record, secret) {
      const cameras = camerasOf(record.tenant);
      if (cameras.has(record.id)) {
        throw new PlayheadError('conflict', 'id: there is a camera of that id already', {
          extensions: { field: 'id' },
        });
      }
      if (cameras.size >= settings.perTenant) {
        throw new PlayheadError(
          'overloaded',
          `There are at most ${settings.perTenant} cameras: delete one that is not needed.`,
        );
      }
      // Its place is taken before anything is waited for.
      cameras.set(record.id, null);
      let camera: Camera | undefined;
      try {
        camera = await open(record);
        await store.put(record, secret);
        cameras.set(record.id, camera);
        return camera;
      } catch (error) {
        // Its streams go, or nobody could make it later.
        await camera?.remove();
        cameras.delete(record.id);
        throw error;
      }
    },
    inTurn(camera, work) {
      const { tenant, id } = camera.record;
      const before = turns.get(camera) ?? Promise.resolve();
      const mine = before
        .catch(() => undefined)
        .then(() => {
          if (tenants.get(tenant)?.get(id) === camera) return work();
          throw new PlayheadError('not-found', 'There is no camera of that id.');
        });
      turns.set(camera, mine);
      return mine;
    },
    async change(camera, record, secret, source) {
      await store.put(record, secret);
      camera.change(record, source);
    },
    async remove(camera) {
      const { record } = camera;
      await store.remove(record);
      await parts.leaving(camera);
      await camera.remove();
      await forget(record);
      tenants.get(record.tenant)?.delete(record.id);
    },
    check() {
      for (const cameras of tenants.values()) for (const camera of cameras.values()) camera?.check();
    },
    [Symbol.dispose]() {
      for (const cameras of tenants.values()) for (const camera of cameras.values()) camera?.close();
    },
  };
}
