import type { Hub } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';

/**
 * Who watches a computer's stream. On our own faces that counts as use; on the documented calls, whose behaviour is
 * fixed, it does not unless it is set so (D-31). Disposing looks no more.
 */
export interface Viewers extends Disposable {
  /** Somebody watches by a documented call, until it is disposed. */
  add(): Disposable;
  /** Something of the server's own watches, until it is disposed: that is never use. */
  ignore(): Disposable;
}

export interface ViewerParts {
  readonly hub: Pick<Hub, 'demand'>;
  readonly key: StreamKey;
  readonly clock: Clock;
  /** How often use is said again while it goes on, ms. */
  readonly everyMs: number;
  /** Whether documented calls count, too. */
  readonly documentedRenew: boolean;
  readonly renew: () => void;
}

export function countViewers(parts: ViewerParts): Viewers {
  const { hub, key, clock, everyMs, renew } = parts;
  let all = 0;
  let documented = 0;
  let ignored = 0;
  let renewing: Disposable | undefined;

  function look(): void {
    const counting = all - ignored - (parts.documentedRenew ? 0 : documented);
    if (counting <= 0) {
      renewing?.[Symbol.dispose]();
      renewing = undefined;
    } else if (renewing === undefined) {
      renew();
      renewing = clock.every(everyMs, renew);
    }
  }

  const listening = hub.demand(key, ({ viewers }) => {
    all = viewers;
    look();
  });
  return {
    // Counted from before it subscribes until it has left, so that it is never taken for one of ours.
    add() {
      documented++;
      let over = false;
      return {
        [Symbol.dispose]() {
          if (!over) documented--;
          over = true;
        },
      };
    },
    ignore() {
      ignored++;
      let over = false;
      return {
        [Symbol.dispose]() {
          if (!over) ignored--;
          over = true;
        },
      };
    },
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      renewing?.[Symbol.dispose]();
    },
  };
}
