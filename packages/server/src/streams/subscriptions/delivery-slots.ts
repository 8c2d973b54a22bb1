/** How many webhooks are called at once. */
export interface DeliverySlots {
  /**
   * A slot; disposing it gives it back. Undefined if the signal came first. `again`: the webhook failed the last time. Such
   * calls have slots of their own, so that webhooks that hang never take those of the ones that answer.
   */
  take(lane: 'first' | 'again', signal: AbortSignal): Promise<Disposable | undefined>;
}

interface Waiting {
  readonly admit: () => void;
}

/** So many slots in each of the two lanes; who comes first is served first. */
export function deliverySlots(each: number): DeliverySlots {
  const lanes = { first: openLane(each), again: openLane(each) };
  return { take: (lane, signal) => lanes[lane](signal) };
}

function openLane(size: number): (signal: AbortSignal) => Promise<Disposable | undefined> {
  const queue = new Set<Waiting>();
  let free = size;

  function slot(): Disposable {
    let taken = true;
    return {
      [Symbol.dispose]() {
        if (!taken) return;
        taken = false;
        free += 1;
        for (const next of queue) {
          queue.delete(next);
          next.admit();
          return;
        }
      },
    };
  }

  return (signal) => {
    if (signal.aborted) return Promise.resolve(undefined);
    if (free > 0) {
      free -= 1;
      return Promise.resolve(slot());
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        admit() {
          signal.removeEventListener('abort', leave);
          free -= 1;
          resolve(slot());
        },
      };
      const leave = (): void => {
        queue.delete(waiting);
        resolve(undefined);
      };
      signal.addEventListener('abort', leave, { once: true });
      queue.add(waiting);
    });
  };
}
