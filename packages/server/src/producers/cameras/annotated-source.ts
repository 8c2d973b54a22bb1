import { formatPosition } from '@playhead/protocol';
import { readFrameMessage } from '../../frames/frame-message.ts';
import type { Film, FrameSource, FrameTarget } from '../../frames/frames.ts';
import type { Hub, Subscription } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import { frameBytes } from './frame-bytes.ts';
import type { RecentFrame, RecentFrames } from './recent-frames.ts';

export interface AnnotatedParts {
  readonly hub: Hub;
  readonly clock: Clock;
  /** The frames, without anything drawn. */
  readonly key: StreamKey;
  readonly recent: RecentFrames;
  /** How long a frame waits for what is found in it, ms. */
  readonly waitMs: number;
  /** Whether a detector may still look at this frame. */
  awaits(frame: RecentFrame): boolean;
}

/** Frames that wait at once. Beyond it newer ones are skipped, and delay never grows. */
const WAITING = 8;
/** Given on, and taken by nobody yet. */
const UNANSWERED = 2;

interface Waiting {
  readonly jpeg: Uint8Array;
  readonly frame: RecentFrame;
}

/**
 * Frames with what was found in them: each waits until its detector has looked at it, or may no more, or the time is
 * over, and goes on in order. What was found is told with the very frame or not at all here (F7).
 */
export class AnnotatedSource implements FrameSource {
  readonly #parts: AnnotatedParts;
  #film: AnnotatedFilm | undefined;

  constructor(parts: AnnotatedParts) {
    this.#parts = parts;
  }

  /** Somebody has looked at a frame. */
  looked(): void {
    this.#film?.settle();
  }

  async start(target: FrameTarget): Promise<Film | undefined> {
    const film = new AnnotatedFilm(this.#parts, target);
    if (!(await film.begin())) return undefined;
    this.#film = film;
    return film;
  }
}

class AnnotatedFilm implements Film {
  readonly #parts: AnnotatedParts;
  readonly #target: FrameTarget;
  readonly #waiting: Waiting[] = [];
  readonly #ended: PromiseWithResolvers<'over' | 'again'> = Promise.withResolvers();
  readonly ended: Promise<'over' | 'again'> = this.#ended.promise;
  #subscription: Subscription | undefined;
  #timer: Disposable | undefined;
  #given = 0;
  #taken = 0;
  #over = false;

  constructor(parts: AnnotatedParts, target: FrameTarget) {
    this.#parts = parts;
    this.#target = target;
  }

  async begin(): Promise<boolean> {
    const { hub, key } = this.#parts;
    const attached = await hub.attach(
      { key, from: 'live', delivery: 'latest' },
      {
        encoding: frameBytes,
        receipt() {},
        write: (message) => this.#take(message),
        end: () => this.#ended.resolve('again'),
      },
    );
    if (attached.kind !== 'attached') return false;
    this.#subscription = attached.subscription;
    if (this.#over) attached.subscription[Symbol.dispose]();
    return !this.#over;
  }

  taken(count: number): void {
    this.#taken = count;
    if (this.#hasRoom()) this.#subscription?.resume();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#subscription?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    this.#waiting.length = 0;
  }

  /** Gives on what waits no longer. */
  settle(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const { clock, waitMs } = this.#parts;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { frame } = first;
      const left = frame.placedAt + waitMs - clock.now();
      if (frame.objects === undefined && left > 0 && this.#parts.awaits(frame)) {
        this.#timer = clock.after(left, () => this.settle());
        break;
      }
      this.#waiting.shift();
      this.#give(first);
    }
    if (this.#hasRoom()) this.#subscription?.resume();
  }

  #take(message: Uint8Array): boolean {
    const read = message.length === 0 ? undefined : readFrameMessage(message);
    const frame = read === undefined ? undefined : this.#parts.recent.at(read.head.time);
    if (read !== undefined && frame !== undefined) {
      this.#waiting.push({ jpeg: read.jpeg, frame });
      this.settle();
    }
    return this.#hasRoom();
  }

  #give({ jpeg, frame }: Waiting): void {
    const { number, position, time, width, height, objects } = frame;
    if (objects === undefined) frame.gone = true;
    this.#given++;
    const about = {
      frame: number,
      position: formatPosition(position),
      ...(objects === undefined ? {} : { detections: objects }),
    };
    this.#target.arrived({ jpeg, width, height, time, about });
  }

  #hasRoom(): boolean {
    return this.#waiting.length < WAITING && this.#given - this.#taken < UNANSWERED;
  }
}
