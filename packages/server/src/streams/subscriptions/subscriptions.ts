import { randomBytes } from 'node:crypto';
import type { Records } from '../../records/records.ts';
import { LiveSubscription } from './live-subscription.ts';
import { StreamInterest } from './stream-interest.ts';
import { type SubscriptionConfig, sameConfig } from './subscription-config.ts';
import { type DriverParts, type SubscriptionHead, unknownSubscription } from './subscription-driver.ts';
import { refusal } from './subscription-refusal.ts';
import { subscriptionStore } from './subscription-store.ts';

/** All subscriptions. A tenant sees its own; of others it never learns that they are there. */
export interface Subscriptions extends AsyncDisposable {
  /**
   * Makes one, or confirms the one there is. `base` is where the request reached the server. Throws
   * `SUBSCRIPTION_ALREADY_EXISTS` if there is another one of this id, and `LIMIT_REACHED`.
   */
  put(wanted: WantedSubscription): Promise<{ readonly made: boolean; readonly found: LiveSubscription }>;
  /** Throws `SUBSCRIPTION_NOT_FOUND`. */
  get(tenant: string, id: string): LiveSubscription;
  /** In the order of ids. */
  list(tenant: string): readonly LiveSubscription[];
  /** Nothing if there is none. */
  delete(tenant: string, id: string): Promise<void>;
  /** Wakes nobody any more; resolves when the webhooks that are being called have answered. */
  drain(): Promise<void>;
}

export interface WantedSubscription {
  readonly tenant: string;
  readonly id: string;
  readonly config: SubscriptionConfig;
  readonly base: string;
}

export interface SubscriptionsParts extends Omit<DriverParts, 'store'> {
  readonly records: Records;
  /** Subscriptions of one tenant. */
  readonly subscriptions: number;
}

/** Loads what there is, and goes on with it. */
export async function openSubscriptions(parts: SubscriptionsParts): Promise<Subscriptions> {
  const store = subscriptionStore(parts.records);
  const driverParts: DriverParts = { ...parts, store };
  const interest = new StreamInterest();
  const tenants = new Map<string, Map<string, LiveSubscription>>();
  /** Makings and deletions of a tenant are done one after the other. */
  const turns = new Map<string, Promise<unknown>>();

  function inTurn<T>(tenant: string, call: () => Promise<T>): Promise<T> {
    const answer = (turns.get(tenant) ?? Promise.resolve()).then(call);
    const over: Promise<unknown> = answer
      .catch(() => undefined)
      .finally(() => {
        if (turns.get(tenant) === over) turns.delete(tenant);
      });
    turns.set(tenant, over);
    return answer;
  }

  function of(tenant: string): Map<string, LiveSubscription> {
    const found = tenants.get(tenant) ?? new Map<string, LiveSubscription>();
    tenants.set(tenant, found);
    return found;
  }

  function build(head: SubscriptionHead): LiveSubscription {
    const live = new LiveSubscription(driverParts, interest, head);
    interest.add(live);
    return live;
  }

  async function make({ tenant, id, config, base }: WantedSubscription): Promise<LiveSubscription> {
    const incarnation = randomBytes(12).toString('hex');
    const live = build({ tenant, id, incarnation, config, base, createdAt: parts.clock.now() });
    try {
      await live.open();
    } catch (error) {
      interest.remove(live);
      throw error;
    }
    of(tenant).set(id, live);
    return live;
  }

  function all(): LiveSubscription[] {
    return [...tenants.values()].flatMap((each) => [...each.values()]);
  }

  const watch = parts.log.watchAll((key, latest) => interest.moved(key, latest));
  for (const [head, links] of await store.load()) {
    const live = build(head);
    of(head.tenant).set(head.id, live);
    live.resume(links);
  }

  return {
    put: (wanted) =>
      inTurn(wanted.tenant, async () => {
        const { tenant, id, config, base } = wanted;
        const known = of(tenant).get(id);
        if (known === undefined) {
          if (of(tenant).size >= parts.subscriptions)
            throw refusal('LIMIT_REACHED', `There are at most ${parts.subscriptions} subscriptions.`);
          return { made: true, found: await make(wanted) };
        }
        if (!sameConfig(known.config, config))
          throw refusal('SUBSCRIPTION_ALREADY_EXISTS', 'There is another subscription of this id.');
        await known.confirm(base);
        return { made: false, found: known };
      }),
    get(tenant, id) {
      const found = tenants.get(tenant)?.get(id);
      if (found === undefined) throw unknownSubscription();
      return found;
    },
    list: (tenant) => [...(tenants.get(tenant)?.values() ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1)),
    delete: (tenant, id) =>
      inTurn(tenant, async () => {
        const found = tenants.get(tenant)?.get(id);
        if (found === undefined) return;
        await found.delete();
        of(tenant).delete(id);
        interest.remove(found);
      }),
    async drain() {
      await Promise.all(all().map((each) => each.drain()));
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await Promise.all(turns.values());
      await Promise.all(all().map((each) => each.close()));
    },
  };
}
