import type { EndReason, Subscription } from '../../hub/hub.ts';
import type { SocketLine } from '../../transports/socket-face.ts';
import { type Beginning, type Channel, type Channels, type SharedRendering } from './channels.ts';
import type { UpdateForm } from './state-update.ts';

/** What one connection hears: of each channel one subscription at most. */
export interface Subscriptions extends Disposable {
  has(channel: string): boolean;
  /** Begins one, in place of the one there is. False: the channel is gone. */
  begin(channel: Channel, beginning: Beginning['from'] | 'live', form: UpdateForm): Promise<boolean>;
  end(channel: string): void;
}

interface Held {
  readonly shared: SharedRendering;
  /** Undefined while it begins. */
  subscription: Subscription | undefined;
}

/** `ended`: a channel ended by itself. */
export function createSubscriptions(
  line: SocketLine,
  channels: Channels,
  ended: (channel: string, reason: EndReason) => void,
): Subscriptions {
  const held = new Map<string, Held>();

  function end(name: string): void {
    const one = held.get(name);
    if (one === undefined) return;
    held.delete(name);
    release(one);
  }

  return {
    has: (name) => held.has(name),
    async begin(channel, from, form) {
      const { key, name } = channel;
      end(name);
      const one: Held = { shared: channels.rendering(channel, form), subscription: undefined };
      held.set(name, one);
      const attached = await line.watch({
        ...{ key, from, delivery: 'every', rendering: one.shared.rendering },
        end(reason) {
          if (held.get(name) !== one) return;
          end(name);
          ended(name, reason);
        },
      });
      if (attached.kind !== 'attached') {
        if (held.get(name) === one) end(name);
        return false;
      }
      // Ended, or begun again, while it began.
      if (held.get(name) === one) one.subscription = attached.subscription;
      else attached.subscription[Symbol.dispose]();
      return true;
    },
    end,
    [Symbol.dispose]() {
      for (const name of [...held.keys()]) end(name);
    },
  };
}

function release({ shared, subscription }: Held): void {
  subscription?.[Symbol.dispose]();
  shared[Symbol.dispose]();
}
