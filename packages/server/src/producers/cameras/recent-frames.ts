import { formatPosition, type Position } from '@playhead/protocol';
import { readFrameMessage } from '../../frames/frame-message.ts';
import type { DetectedObject } from '../../video/detector.ts';

/** A frame that went into `cameras/{id}/frames` lately. */
export interface RecentFrame {
  readonly number: number;
  readonly position: Position;
  /** ms since 1970; no two frames of a camera have the same. */
  readonly time: number;
  readonly width: number;
  readonly height: number;
  /** When it went there. */
  readonly placedAt: number;
  /** What was found in it, once somebody has looked. */
  objects: readonly DetectedObject[] | undefined;
  /** It went on to viewers without waiting any longer. */
  gone: boolean;
}

/** How a frame is named from outside. */
export type FrameName =
  | { readonly kind: 'position'; readonly position: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'timestamp'; readonly timestamp: number };

/** Frames that are remembered. */
const MOST = 512;
/** Frames that are awaited at once; the oldest of more are given up. */
const AWAITED = 64;

/** The newest frames of a camera, so that what was found can be told of the very frame that it was found in. */
export class RecentFrames {
  readonly #frames: RecentFrame[] = [];
  readonly #awaited = new Map<number, (frame: RecentFrame) => void>();
  readonly #most: number;

  constructor(most: number = MOST) {
    this.#most = most;
  }

  /** Takes a frame that has its place now, and tells whoever waits for it. Undefined: the message is none. */
  add(message: Uint8Array, position: Position, now: number): RecentFrame | undefined {
    const head = readFrameMessage(message)?.head;
    if (head === undefined) return undefined;
    const { number, time, width, height } = head;
    const frame = { number, position, time, width, height, placedAt: now, objects: undefined, gone: false };
    this.#frames.push(frame);
    if (this.#frames.length > this.#most) this.#frames.shift();
    const call = this.#awaited.get(time);
    this.#awaited.delete(time);
    call?.(frame);
    return frame;
  }

  get newest(): RecentFrame | undefined {
    return this.#frames.at(-1);
  }

  /** `lost`: it is older than what is remembered. `unknown`: there was no such frame. */
  find(name: FrameName): RecentFrame | 'lost' | 'unknown' {
    const [oldest] = this.#frames;
    switch (name.kind) {
      case 'position':
        return this.#last((frame) => formatPosition(frame.position) === name.position) ?? 'lost';
      case 'number': {
        const found = this.#last(({ number }) => number === name.number);
        return found ?? (oldest !== undefined && name.number < oldest.number ? 'lost' : 'unknown');
      }
      case 'timestamp': {
        const found = this.#last(({ time }) => time === name.timestamp);
        return found ?? (oldest === undefined || name.timestamp < oldest.time ? 'lost' : 'unknown');
      }
    }
  }

  /** Calls with the frame of that time: now, or once it has its place, which what was found in it may be known before. */
  when(time: number, call: (frame: RecentFrame) => void): void {
    const frame = this.at(time);
    if (frame !== undefined) return call(frame);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size >= AWAITED && oldest !== undefined) this.#awaited.delete(oldest);
    this.#awaited.set(time, call);
  }

  /** Where a frame stands among them; it may be the newest. */
  at(time: number): RecentFrame | undefined {
    return this.#last((frame) => frame.time === time);
  }

  // From the end: what is asked for is nearly always among the newest.
  #last(fits: (frame: RecentFrame) => boolean): RecentFrame | undefined {
    return this.#frames.findLast(fits);
  }
}
