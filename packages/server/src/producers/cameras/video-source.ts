import type { Film, FrameSource, FrameTarget } from '../../frames/frames.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Detected } from '../../video/detector.ts';
import type {
  OpenVideo,
  Video,
  VideoAbout,
  VideoEnd,
  VideoRequest,
  VideoSourceSpec,
} from '../../video/video.ts';
import type { CameraFailure } from './camera-event.ts';

/** What is opened, or why it is not. `release` ends what was held for it. */
export type Prepared =
  | { readonly kind: 'open'; readonly source: VideoSourceSpec; readonly release: () => void }
  | { readonly kind: 'refused'; readonly reason: CameraFailure; readonly message: string };

export interface VideoSourceParts {
  readonly video: Pick<Video, 'open'>;
  readonly clock: Clock;
  readonly request: Omit<VideoRequest, 'source'>;
  /** The longest wait before it is opened again, ms. */
  readonly retryMaxMs: number;
  /** Decides, each time anew, what may be opened. */
  prepare(): Promise<Prepared>;
  readonly heard: VideoListener;
}

/** What becomes of a source, in its order. */
export interface VideoListener {
  opening(): void;
  opened(about: VideoAbout): void;
  /**
   * Gives the frame's time, by which it is known from now on: no two of a camera are the same. `looked`: it will be
   * told what is found in it.
   */
  arrived(time: number, looked: boolean): number;
  detected(detected: Detected): void;
  corrupt(frames: number): void;
  detectorFailed(message: string): void;
  /** It did not open, or broke; it is tried again in so many ms. */
  failed(reason: CameraFailure, message: string, retryMs: number): void;
  restarting(message: string, retryMs: number): void;
  over(): void;
  /** Nobody wants it any more. */
  closed(): void;
}

/** A source that is being filmed, for whoever looks after its health. */
export interface Filming {
  /** Since when a frame is awaited that somebody wants, ms since 1970; undefined: none is. */
  readonly waitingSince: number | undefined;
  readonly about: VideoAbout | undefined;
  readonly pid: number | undefined;
}

/** First waits before another try, ms: after the process died, and after the source failed. */
const DIED_RETRY_MS = 50;
const FAILED_RETRY_MS = 1_000;
/** Pictures on their way, as the port has it. */
const UNANSWERED = 2;
/** Times of pictures that a detector may still speak of. */
const REMEMBERED = 256;

/** A camera's URL as something to be filmed: one opened source, whoever watches, opened again when it breaks. */
export class VideoSource implements FrameSource {
  readonly #parts: VideoSourceParts;
  #film: VideoFilm | undefined;

  constructor(parts: VideoSourceParts) {
    this.#parts = parts;
  }

  get filming(): Filming | undefined {
    return this.#film;
  }

  async start(target: FrameTarget): Promise<Film | undefined> {
    const film = new VideoFilm(this.#parts, target, () => {
      if (this.#film === film) this.#film = undefined;
    });
    this.#film = film;
    return film;
  }
}

/**
 *            prepared, opened           broke: wait, then again
 *   OPENING ─────────────────▶ OPEN ─────────────────────────────▶ WAITING ──▶ OPENING
 *                                │ a file was played
 *                                └──▶ RESTING         disposed, from anywhere ──▶ OVER
 */
class VideoFilm implements Film, Filming {
  readonly #parts: VideoSourceParts;
  readonly #target: FrameTarget;
  readonly #left: () => void;
  /** Never: it is whoever watches that ends it. */
  readonly ended: Promise<'over' | 'again'> = new Promise(() => {});
  #open: OpenVideo | undefined;
  #release: (() => void) | undefined;
  #about: VideoAbout | undefined;
  #waitingSince: number | undefined;
  #retry: Disposable | undefined;
  #retryMs = 0;
  #over = false;
  /** Of this film: pictures given on; those before the source that is open now; and what was taken. */
  #delivered = 0;
  #before = 0;
  #taken = 0;

  constructor(parts: VideoSourceParts, target: FrameTarget, left: () => void) {
    this.#parts = parts;
    this.#target = target;
    this.#left = left;
    this.#begin();
  }

  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  get about(): VideoAbout | undefined {
    return this.#about;
  }

  get pid(): number | undefined {
    return this.#open?.pid;
  }

  taken(count: number): void {
    this.#taken = Math.max(this.#taken, count);
    this.#open?.taken(Math.max(0, this.#taken - this.#before));
    this.#await();
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#retry?.[Symbol.dispose]();
    this.#end();
    this.#left();
    this.#parts.heard.closed();
  }

  #begin(): void {
    const { heard } = this.#parts;
    heard.opening();
    this.#parts.prepare().then(
      (prepared) => {
        if (this.#over) {
          if (prepared.kind === 'open') prepared.release();
        } else if (prepared.kind === 'open') this.#start(prepared);
        else this.#again({ kind: 'failed', reason: prepared.reason, message: prepared.message });
      },
      (error: unknown) => {
        const message = `It could not be opened: ${error instanceof Error ? error.name : 'unknown'}.`;
        if (!this.#over) this.#again({ kind: 'failed', reason: 'unreachable', message });
      },
    );
  }

  #start({ source, release }: Extract<Prepared, { kind: 'open' }>): void {
    const { video, request, heard } = this.#parts;
    this.#release = release;
    this.#before = this.#delivered;
    /** By the number that this opening gave them. */
    const times = new Map<number, number>();
    const open = video.open(
      { ...request, source },
      {
        opened: (about) => {
          this.#about = about;
          this.#waitingSince ??= this.#parts.clock.now();
          heard.opened(about);
        },
        picture: ({ number, jpeg, width, height, time, looked = false }) => {
          this.#retryMs = 0;
          this.#delivered++;
          this.#waitingSince = undefined;
          this.#await();
          const known = heard.arrived(time, looked);
          times.set(number, known);
          times.delete(number - REMEMBERED);
          this.#target.arrived({ jpeg, width, height, time: known });
        },
        detected: (detected) => {
          const time = times.get(detected.number);
          if (time !== undefined) heard.detected({ ...detected, time });
        },
        corrupt: (frames) => heard.corrupt(frames),
        detectorFailed: (message) => heard.detectorFailed(message),
      },
    );
    this.#open = open;
    void open.ended.then((end) => {
      if (this.#open !== open || this.#over) return;
      this.#end();
      if (end.kind === 'over') heard.over();
      else this.#again(end);
    });
  }

  #again(end: VideoEnd | { kind: 'failed'; reason: CameraFailure; message: string }): void {
    const { heard, clock, retryMaxMs } = this.#parts;
    const least = end.kind === 'failed' ? FAILED_RETRY_MS : DIED_RETRY_MS;
    const wait = Math.min(Math.max(this.#retryMs, least), retryMaxMs);
    this.#retryMs = wait * 2;
    this.#retry = clock.after(wait, () => {
      this.#retry = undefined;
      this.#begin();
    });
    if (end.kind === 'failed') heard.failed(end.reason, end.message, wait);
    else heard.restarting(end.kind === 'died' ? end.message : 'The source ended.', wait);
  }

  #end(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#about = undefined;
    this.#waitingSince = undefined;
    open?.[Symbol.dispose]();
    this.#release?.();
    this.#release = undefined;
  }

  /** What nobody has asked for is not awaited. */
  #await(): void {
    if (this.#about === undefined || this.#waitingSince !== undefined) return;
    if (this.#delivered - this.#taken < UNANSWERED) this.#waitingSince = this.#parts.clock.now();
  }
}
