import type { Bounds } from '../../log/event-log.ts';

/** So many losses of history are told apart. */
const MAX_EPOCHS = 64;

/**
 * How many epochs a source had before each of its epochs (see sequence-number.ts). The log tells it of the current one
 * alone, so it is kept whenever a feed is opened in a new one. In an epoch in which no feed was opened nothing was
 * written; one that was never kept is the first.
 */
export class SourceEpochs {
  readonly #current: string;
  readonly #first: string;
  /** Of all but the first. */
  readonly #indices: Map<string, number>;

  constructor(
    { start, latest, epochIndex }: Pick<Bounds, 'start' | 'latest' | 'epochIndex'>,
    kept: readonly (readonly [epoch: string, index: number])[] = [],
  ) {
    this.#indices = new Map(kept);
    this.#current = latest.epoch;
    if (epochIndex > 0) this.#indices.set(latest.epoch, epochIndex);
    this.#first = start.epoch;
  }

  indexOf(epoch: string): number {
    return this.#indices.get(epoch) ?? 0;
  }

  /** The epoch with an index; undefined if it is not known, or not retained. */
  at(index: number): string | undefined {
    if (this.indexOf(this.#current) === index) return this.#current;
    if (index === 0) return this.#indices.has(this.#first) ? undefined : this.#first;
    for (const [epoch, each] of this.#indices) if (each === index) return epoch;
    return undefined;
  }

  kept(): (readonly [epoch: string, index: number])[] {
    return [...this.#indices].slice(-MAX_EPOCHS);
  }
}
