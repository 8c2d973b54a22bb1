import type { Film, FrameSource, FrameTarget, Picture } from '../../frames/frames.ts';
import type { Clock } from '../../runtime/clock.ts';

/** How old the newest frame may be to be shown to who comes, ms. */
const FRESH_MS = 10_000;

/** Frames that somebody sends as something to be filmed. Those that nobody watches are forgotten but for the newest. */
export class PushedSource implements FrameSource {
  readonly #clock: Clock;
  #target: FrameTarget | undefined;
  #newest: { readonly picture: Picture; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True if somebody watches. */
  push(picture: Picture): boolean {
    this.#newest = { picture, at: this.#clock.now() };
    this.#target?.arrived(picture);
    return this.#target !== undefined;
  }

  async start(target: FrameTarget): Promise<Film> {
    this.#target = target;
    const newest = this.#newest;
    if (newest !== undefined && this.#clock.now() - newest.at < FRESH_MS) target.arrived(newest.picture);
    return {
      // Whoever pushes is not asked for more: it sends what it has.
      taken() {},
      ended: new Promise(() => {}),
      [Symbol.dispose]: () => {
        if (this.#target === target) this.#target = undefined;
      },
    };
  }
}
