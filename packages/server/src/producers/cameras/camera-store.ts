import { nameSegment } from '../../log/name-segment.ts';
import { allRecords, type Collection, type Records } from '../../records/records.ts';
import type { CameraRecord } from './camera-record.ts';

/** The cameras of all tenants. URLs with credentials are records of their own, which nothing that is shown reads. */
export interface CameraStore {
  /** `secret`: the URL with its credentials, if it has any. */
  put(camera: CameraRecord, secret: string | undefined): Promise<void>;
  remove(camera: CameraRecord): Promise<void>;
  all(): AsyncIterable<CameraRecord>;
  /** The URL to open. */
  urlOf(camera: CameraRecord): Promise<string | null>;
  /** True the first time that it is asked in the life of the data folder. */
  first(what: string): Promise<boolean>;
}

export function createCameraStore(records: Records): CameraStore {
  const cameras: Collection<CameraRecord> = records.collection('cameras');
  const secrets: Collection<{ readonly url: string }> = records.collection('camera-credentials');
  const marks: Collection<{ readonly made: true }> = records.collection('camera-marks');
  return {
    async put(camera, secret) {
      const at = keyOf(camera);
      if (secret === undefined) await secrets.delete(at);
      else await secrets.put(at, { url: secret });
      await cameras.put(at, camera);
    },
    async remove(camera) {
      await cameras.delete(keyOf(camera));
      await secrets.delete(keyOf(camera));
    },
    async *all() {
      for await (const { value } of allRecords(cameras)) yield value;
    },
    async urlOf(camera) {
      return (await secrets.get(keyOf(camera)))?.url ?? camera.url;
    },
    first: (what) => marks.add(what, { made: true }),
  };
}

function keyOf({ tenant, id }: Pick<CameraRecord, 'tenant' | 'id'>): string {
  return `${tenant}/${nameSegment(id)}`;
}
