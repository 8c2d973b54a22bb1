import type { StreamKey } from './stream-key.ts';

/** Who is told that a stream has moved (L6). A watcher that throws does not keep the others from being told. */
export class Watchers {
  readonly #sets = new Map<StreamKey, Set<Moved>>();
  readonly #all = new Set<AnyMoved>();

  add(key: StreamKey, moved: Moved): Disposable {
    // A function of its own for each call: the same function may watch twice.
    const entry: Moved = (latest) => moved(latest);
    const set = this.#sets.get(key) ?? new Set();
    this.#sets.set(key, set.add(entry));
    return {
      [Symbol.dispose]: () => {
        set.delete(entry);
        if (set.size === 0 && this.#sets.get(key) === set) this.#sets.delete(key);
      },
    };
  }

  addToAll(moved: AnyMoved): Disposable {
    const entry: AnyMoved = (key, latest) => moved(key, latest);
    this.#all.add(entry);
    return { [Symbol.dispose]: () => void this.#all.delete(entry) };
  }

  has(key: StreamKey): boolean {
    return this.#sets.has(key);
  }

  tell(key: StreamKey, latest?: number): void {
    const set = this.#sets.get(key);
    if (set !== undefined) for (const moved of set) tellOne(() => moved(latest));
    for (const moved of this.#all) tellOne(() => moved(key, latest));
  }
}

function tellOne(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

type Moved = (latest?: number) => void;
type AnyMoved = (key: StreamKey, latest?: number) => void;
