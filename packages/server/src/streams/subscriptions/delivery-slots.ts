/** How many webhooks are called at once. */
export interface DeliverySlots {
  /**
   * A slot; disposing it gives it back. Undefined if the signal came first. `again`: the webhook failed the last time. Such
   * calls have slots of their own, so that webhooks that hang never take those of the ones that answer.
   */
  take(tenant: string, lane: 'first' | 'again', signal: AbortSignal): Promise<Disposable | undefined>;
}

interface Waiting {
  readonly tenant: string;
  readonly admit: () => void;
}

/** Of all slots one tenant has a quarter at most: the webhooks of one cannot hold up those of another. */
const SHARE = 4;

/** So many slots in each of the two lanes; who comes first is served first. */
export function deliverySlots(each: number): DeliverySlots {
  const lanes = { first: new Lane(each), again: new Lane(each) };
  return { take: (tenant, lane, signal) => lanes[lane].take(tenant, signal) };
}

class Lane {
  readonly #queue = new Set<Waiting>();
  /** Slots in use, by tenant. */
  readonly #used = new Map<string, number>();
  readonly #perTenant: number;
  #free: number;

  constructor(size: number) {
    this.#free = size;
    this.#perTenant = Math.ceil(size / SHARE);
  }

  take(tenant: string, signal: AbortSignal): Promise<Disposable | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    if (this.#admits(tenant)) return Promise.resolve(this.#slot(tenant));
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#queue.delete(waiting);
        resolve(undefined);
      };
      const waiting: Waiting = {
        tenant,
        admit: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.#slot(tenant));
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.add(waiting);
    });
  }

  #admits(tenant: string): boolean {
    return this.#free > 0 && (this.#used.get(tenant) ?? 0) < this.#perTenant;
  }

  #slot(tenant: string): Disposable {
    let taken = true;
    this.#free -= 1;
    this.#used.set(tenant, (this.#used.get(tenant) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        if (taken) this.#giveBack(tenant);
        taken = false;
      },
    };
  }

  #giveBack(tenant: string): void {
    this.#free += 1;
    const used = (this.#used.get(tenant) ?? 1) - 1;
    if (used === 0) this.#used.delete(tenant);
    else this.#used.set(tenant, used);
    for (const next of this.#queue) {
      if (!this.#admits(next.tenant)) continue;
      this.#queue.delete(next);
      next.admit();
      return;
    }
  }
}
