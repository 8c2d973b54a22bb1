import type { Clock } from '../../runtime/clock.ts';

/** Something that wants to be looked at now and then. */
export interface Watched {
  /** Looks; gives when to look next, ms since 1970, or undefined for never again. */
  look(now: number): number | undefined;
}

/**
 * Looks at any number of things with one timer: a clock's hand goes round slots of one tick each, and looks at what
 * lies in the slot that it comes to. Nothing is looked at before its time, and nothing later than a tick after it
 * (what is due beyond a round waits for its round).
 *
 *     slots   [ a, c ][   ][ b ][ … ]      hand ──▶ one slot a tick
 *
 * Putting in and taking out cost the same however many there are.
 */
export class TimerWheel implements Disposable {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: Set<Watched>[];
  /** In which slot, and when it is due. */
  readonly #places = new Map<Watched, { readonly slot: number; readonly at: number }>();
  readonly #ticking: Disposable;
  /** The tick that was worked off last. */
  #tick: number;

  constructor(clock: Clock, tickMs: number, slots: number = 64) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#slots = Array.from({ length: slots }, () => new Set<Watched>());
    this.#tick = Math.floor(clock.now() / tickMs);
    this.#ticking = clock.every(tickMs, () => this.#advance());
  }

  get size(): number {
    return this.#places.size;
  }

  /** Has it looked at, at a time or shortly after. What is in already moves. */
  put(item: Watched, at: number): void {
    this.remove(item);
    // What is due in the tick that is being worked off is due in the next.
    const tick = Math.max(Math.ceil(at / this.#tickMs), this.#tick + 1);
    const slot = tick % this.#slots.length;
    this.#slots[slot]?.add(item);
    this.#places.set(item, { slot, at });
  }

  remove(item: Watched): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#slots[place.slot]?.delete(item);
    this.#places.delete(item);
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
  }

  // A clock that jumps ahead, or a process that slept, is worked off in one round at most.
  #advance(): void {
    const now = this.#clock.now();
    const target = Math.floor(now / this.#tickMs);
    // One that was set back is believed; what lies in the slots comes up with their numbers all the same.
    if (target < this.#tick - this.#slots.length) this.#tick = target - 1;
    const from = Math.max(this.#tick + 1, target - this.#slots.length + 1);
    for (let tick = from; tick <= target; tick++) {
      this.#tick = tick;
      this.#work(tick % this.#slots.length, now);
    }
  }

  #work(slot: number, now: number): void {
    for (const item of [...(this.#slots[slot] ?? [])]) {
      const place = this.#places.get(item);
      if (place?.slot !== slot || place.at > now) continue;
      const next = item.look(now);
      // It may have been taken out, or put elsewhere, while it was looked at.
      if (this.#places.get(item) !== place) continue;
      if (next === undefined) this.remove(item);
      else this.put(item, next);
    }
  }
}
