import type { Recording, Recordings, RecordingWish } from '../../frames/recordings.ts';
import { nameSegment } from '../../log/name-segment.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Collection, Records } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Camera } from './camera.ts';
import { cameraStream } from './camera-record.ts';

/** Which cameras are recorded: kept over restarts, like the cameras themselves. */
export interface CameraRecordings {
  /** Goes on recording a camera that was recorded when the server ended. */
  resume(camera: Camera): Promise<void>;
  of(camera: Camera): Recording;
  /** Null switches it off. Resolves when it is so, and kept. */
  turn(camera: Camera, wish: RecordingWish | null): Promise<void>;
  /** Before the camera is removed with all its streams. */
  forget(camera: Camera): Promise<void>;
  /** Resolves when the last word of each is written. */
  stop(): Promise<void>;
}

/** Between two tries to go on recording, ms. */
const AGAIN_MS = 5_000;

export function createCameraRecordings(parts: {
  readonly recordings: Recordings;
  readonly records: Records;
  readonly clock: Clock;
  readonly logger: Logger;
}): CameraRecordings {
  const { recordings, clock, logger } = parts;
  const wishes: Collection<RecordingWish> = parts.records.collection('camera-recordings');
  const opened = new Map<StreamKey, Recording>();
  /** Tries that are still to come. */
  const again = new Map<StreamKey, Disposable>();

  function of(camera: Camera): Recording {
    const { tenant, id } = camera.record;
    const key = cameraStream(tenant, id, 'recording');
    let recording = opened.get(key);
    if (recording === undefined) {
      const frames = cameraStream(tenant, id, 'frames');
      recording = recordings.open({ key, frames, silentMs: () => 3 * (camera.intervalMs ?? 0) });
      opened.set(key, recording);
    }
    return recording;
  }

  async function resume(camera: Camera): Promise<void> {
    const recording = of(camera);
    try {
      const wish = await wishes.get(keyOf(camera));
      if (wish !== undefined) await recording.on(wish);
    } catch (error) {
      logger.error({ camera: camera.record.id, err: error }, 'a camera is not recorded; this is tried again');
      again.set(
        recording.key,
        clock.after(AGAIN_MS, () => {
          again.delete(recording.key);
          void resume(camera);
        }),
      );
    }
  }

  function giveUp(key: StreamKey): void {
    again.get(key)?.[Symbol.dispose]();
    again.delete(key);
  }

  return {
    of,
    resume,
    async turn(camera, wish) {
      giveUp(of(camera).key);
      if (wish === null) {
        await wishes.delete(keyOf(camera));
        await of(camera).off();
        return;
      }
      await of(camera).on(wish);
      await wishes.put(keyOf(camera), wish);
    },
    async forget(camera) {
      await wishes.delete(keyOf(camera));
      const recording = of(camera);
      opened.delete(recording.key);
      giveUp(recording.key);
      await recording[Symbol.asyncDispose]();
    },
    async stop() {
      for (const key of again.keys()) giveUp(key);
      await Promise.all([...opened.values()].map((recording) => recording[Symbol.asyncDispose]()));
      opened.clear();
    },
  };
}

function keyOf({ record }: Camera): string {
  return `${record.tenant}/${nameSegment(record.id)}`;
}
