import type { Encoding, Hub, Subscription } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';

/** How long it is waited before another try, ms. */
const AGAIN_MS = 1_000;

const NOTHING = new Uint8Array();
const nothing: Encoding = { encode: () => NOTHING, frame: () => NOTHING };

/** Wants a frame of a stream every so many ms, and does nothing with it. Disposing wants no more. */
export function holdDemand(
  { hub, clock, logger }: { readonly hub: Hub; readonly clock: Clock; readonly logger: Logger },
  key: StreamKey,
  intervalMs: number,
): Disposable {
  let over = false;
  let subscription: Subscription | undefined;
  let again: Disposable | undefined;

  async function begin(): Promise<void> {
    const end = (): void => {
      if (!over) again = clock.after(AGAIN_MS, () => void begin());
    };
    try {
      const attached = await hub.attach(
        { key, from: 'live', delivery: 'latest', intervalMs },
        {
          encoding: nothing,
          receipt() {},
          write: () => true,
          end: (reason) => (reason === 'failed' ? end() : undefined),
        },
      );
      if (attached.kind !== 'attached') return;
      subscription = attached.subscription;
      if (over) subscription[Symbol.dispose]();
    } catch (error) {
      logger.error({ stream: key, err: error }, 'a detector could not watch; it is tried again');
      end();
    }
  }

  void begin();
  return {
    [Symbol.dispose]() {
      over = true;
      again?.[Symbol.dispose]();
      subscription?.[Symbol.dispose]();
    },
  };
}
