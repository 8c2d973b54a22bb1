import { formatPosition, jsonLine, type Position } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { DetectedObject } from '../../video/detector.ts';
import type { RecentFrame } from './recent-frames.ts';

/** The type of the events of `cameras/{id}/detections`. */
const DETECTIONS = 'detections';

/** A frame that objects were found in. One that nobody watched has no place in the stream of frames. */
export type FoundIn = Pick<RecentFrame, 'time' | 'width' | 'height'> & {
  readonly number: number | null;
  readonly position: Position | null;
};

export interface Found {
  readonly frame: FoundIn;
  /** `motion`, `onnx`, or what an outside detector calls itself. */
  readonly detector: string;
  /** It came when its frame had gone on to viewers without it. */
  readonly late: boolean;
  readonly objects: readonly DetectedObject[];
}

export interface Detections {
  /** Keeps what was found; resolves once that is committed, with its position. Undefined: the stream is gone. */
  keep(found: Found): Promise<string | undefined>;
  /**
   * The same for a detector that looks at frame after frame: of those with nothing in them, the first is kept, and one in
   * a while, each with how many were looked at since the last that was kept. So "nothing" is known from "not looked".
   */
  follow(found: Found): Promise<string | undefined>;
}

/** How long nothing may be found until that is told again, ms. */
const NOTHING_AGAIN_MS = 10_000;

export function createDetections(parts: {
  readonly hub: Hub;
  readonly key: StreamKey;
  readonly clock: Clock;
}): Detections {
  const { hub, key, clock } = parts;
  let looked = 0;
  let keptAt = 0;
  let had = true;

  async function append({ frame, ...rest }: Found, more: object): Promise<string | undefined> {
    const { position, number, time, width, height } = frame;
    const named = { position: position === null ? null : formatPosition(position), number };
    const data = jsonLine({ frame: { ...named, timestamp: time, width, height }, ...rest, ...more });
    const appended = await hub.append(key, [{ type: DETECTIONS, data }]);
    return appended.kind === 'appended' ? formatPosition(appended.position) : undefined;
  }

  return {
    keep: (found) => append(found, {}),
    async follow(found) {
      looked++;
      const now = clock.now();
      const any = found.objects.length > 0;
      if (!any && !had && now - keptAt < NOTHING_AGAIN_MS) return undefined;
      const count = looked;
      looked = 0;
      had = any;
      keptAt = now;
      return append(found, { looked: count });
    },
  };
}
