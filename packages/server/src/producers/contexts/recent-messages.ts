/** How many of a user's messages are remembered by their ids. A sender tries again within seconds. */
const REMEMBERED = 512;

/**
 * The ids of a user's newest messages, so that one that is sent again is stored once. An id counts from the moment its
 * message is handed to the log: two that are under way at once are one.
 */
export class RecentMessages {
  readonly #numbers: Map<string, Promise<number> | number>;

  constructor(kept: readonly (readonly [id: string, number: number])[] = []) {
    this.#numbers = new Map(kept);
  }

  /** The number of the source event that holds the message, once it is stored; undefined if it is new. */
  find(id: string): Promise<number> | number | undefined {
    return this.#numbers.get(id);
  }

  put(id: string, number: Promise<number> | number): void {
    this.#numbers.delete(id);
    this.#numbers.set(id, number);
    if (this.#numbers.size <= REMEMBERED) return;
    for (const [oldest] of this.#numbers) {
      this.#numbers.delete(oldest);
      return;
    }
  }

  /** It was not stored after all. */
  remove(id: string): void {
    this.#numbers.delete(id);
  }

  keep(): (readonly [string, number])[] {
    return [...this.#numbers].flatMap(([id, number]) =>
      typeof number === 'number' ? [[id, number] as const] : [],
    );
  }
}
