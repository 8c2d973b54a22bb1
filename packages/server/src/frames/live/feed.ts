import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { encodeFrameMessage } from '../frame-message.ts';
import type { Film, FrameFeed, FrameSource, Picture } from '../frames.ts';

/** Who wants frames of a feed: a stream that is watched, and whatever else is to get them. */
export interface Taker {
  /** At least so many ms between two frames; 0: whatever comes. */
  readonly intervalMs: number;
  /** Takes a frame, encoded. Tells its place when it has gone on. */
  put(message: Uint8Array, number: number): void;
}

/** A taker's place at a feed. Disposing leaves. */
export interface Place extends Disposable {
  /** The frame of this number, and all before it, have gone on. */
  taken(number: number): void;
  /** The taker's interval has changed. */
  paced(): void;
}

export interface FeedParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Waits before another try: the first, and the longest, ms. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;

/**
 * With an interval, newer frames are asked for so many ms before the next is due: enough for a source to make one, and
 * what is shown is not older than that.
 */
const LEAD_MS = 60;

/**
 * A source and who takes its frames.
 *
 *            first taker            started                 last taker leaves
 *   IDLE ───────────────▶ STARTING ─────────▶ FILMING ──────────────────────▶ IDLE
 *                          ▲     │ cannot         │ ended: again
 *                          │     ▼                ▼
 *                          └── WAITING ◀──────────┘        ended: over ─▶ OVER
 */
export class Feed implements FrameFeed {
  readonly #source: FrameSource;
  readonly #parts: FeedParts;
  readonly #takers = new Map<Taker, Place>();
  #state: 'IDLE' | 'STARTING' | 'FILMING' | 'WAITING' | 'OVER' = 'IDLE';
  #film: Film | undefined;
  #newest: { readonly message: Uint8Array; readonly number: number } | undefined;
  /** A start that is not answered yet: there is never another beside it. */
  #pending = false;
  /** Number of the newest frame; and of the last one before this film. */
  #count = 0;
  #before = 0;
  /** Number up to which frames were taken, and what of that the source was told. */
  #taken = 0;
  #told = 0;
  #telling: Disposable | undefined;
  #retry: Disposable | undefined;
  #retryMs = FIRST_RETRY_MS;

  constructor(source: FrameSource, parts: FeedParts) {
    this.#source = source;
    this.#parts = parts;
  }

  get filming(): boolean {
    return this.#state === 'FILMING';
  }

  /** Begins to give frames to a taker, the newest at once if there is one. */
  join(taker: Taker): Place {
    const place: Place = {
      taken: (number) => this.#took(number),
      paced: () => {
        this.#telling?.[Symbol.dispose]();
        this.#telling = undefined;
        this.#tell();
      },
      [Symbol.dispose]: () => {
        if (this.#takers.get(taker) !== place) return;
        this.#takers.delete(taker);
        if (this.#takers.size === 0) this.#stop('IDLE');
        else this.#tell();
      },
    };
    this.#takers.set(taker, place);
    if (this.#newest !== undefined) taker.put(this.#newest.message, this.#newest.number);
    if (this.#state === 'IDLE') this.#start();
    else this.#tell();
    return place;
  }

  [Symbol.dispose](): void {
    this.#stop('OVER');
    this.#takers.clear();
  }

  #start(): void {
    this.#state = 'STARTING';
    if (this.#pending) return;
    this.#pending = true;
    this.#before = this.#count;
    // What arrives late, of a film that was given up, is another's.
    let current = true;
    const target = {
      arrived: (picture: Picture): void => {
        if (current) this.#arrived(picture);
      },
    };
    const over = (): void => {
      current = false;
    };
    this.#source.start(target).then(
      (film) => this.#started(film, over),
      (error: unknown) => {
        this.#parts.logger.warn({ err: error }, 'filming could not begin; it is tried again');
        this.#started(undefined, over);
      },
    );
  }

  #started(film: Film | undefined, over: () => void): void {
    this.#pending = false;
    if (this.#state !== 'STARTING' || film === undefined) {
      over();
      film?.[Symbol.dispose]();
      this.#newest = undefined;
      if (this.#state === 'STARTING') this.#again();
      return;
    }
    this.#state = 'FILMING';
    this.#film = {
      taken: (count) => film.taken(count),
      ended: film.ended,
      [Symbol.dispose]: () => {
        over();
        film[Symbol.dispose]();
      },
    };
    const mine = this.#film;
    void film.ended.then((how) => {
      if (this.#film !== mine) return;
      if (how === 'over') this.#stop('OVER');
      else {
        this.#stop('WAITING');
        this.#again();
      }
    });
    this.#tell();
  }

  #again(): void {
    this.#state = 'WAITING';
    this.#retry = this.#parts.clock.after(this.#retryMs, () => {
      this.#retry = undefined;
      this.#start();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  #stop(state: 'IDLE' | 'WAITING' | 'OVER'): void {
    if (this.#state === 'OVER') return;
    this.#state = state;
    const film = this.#film;
    this.#film = undefined;
    this.#newest = undefined;
    this.#taken = this.#told = this.#count;
    this.#telling?.[Symbol.dispose]();
    this.#telling = undefined;
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    if (state !== 'WAITING') this.#retryMs = FIRST_RETRY_MS;
    film?.[Symbol.dispose]();
  }

  #arrived({ jpeg, width, height, time, about }: Picture): void {
    this.#retryMs = FIRST_RETRY_MS;
    const number = ++this.#count;
    const message = encodeFrameMessage({ head: { ...about, number, time, width, height }, jpeg });
    this.#newest = { message, number };
    for (const taker of this.#takers.keys()) taker.put(message, number);
  }

  #took(number: number): void {
    if (number <= this.#taken) return;
    this.#taken = number;
    this.#tell();
  }

  // Told at once where somebody wants all there is. Else a little before the next frame is due: told earlier, the
  // source would make frames that nobody sees; later, what is shown would be as old as the interval is long.
  #tell(): void {
    if (this.#film === undefined || this.#taken <= this.#told) return;
    let interval = Number.POSITIVE_INFINITY;
    for (const { intervalMs } of this.#takers.keys()) interval = Math.min(interval, intervalMs);
    const wait = interval - LEAD_MS;
    const tell = (): void => {
      this.#telling?.[Symbol.dispose]();
      this.#telling = undefined;
      this.#told = this.#taken;
      this.#film?.taken(this.#told - this.#before);
    };
    if (!(wait > 0)) tell();
    else if (wait !== Number.POSITIVE_INFINITY) this.#telling ??= this.#parts.clock.after(wait, tell);
  }
}
