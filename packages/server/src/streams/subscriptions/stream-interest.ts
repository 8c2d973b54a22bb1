import type { StreamName } from '@playhead/protocol';
import { nameOf, type StreamKey, streamKey, tenantOf } from '../../log/stream-key.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

/** A subscription, as far as streams go. */
export interface Interested {
  readonly tenant: string;
  readonly config: SubscriptionConfig;
  /** Names of the streams that it has. */
  names(): Iterable<StreamName>;
  /** Whether a stream that is made under this name is one of its own. */
  fits(name: StreamName): boolean;
  /** A stream that it has, or that fits it, has moved. `appended`: nothing else happened to it. */
  heard(name: StreamName, appended: boolean): void;
  /** The stream of its wake events was made, or changed in another way. */
  nudge(): void;
}

/**
 * Which subscriptions care for which streams, each within its own tenant. `moved` is called behind every commit of the
 * log, so for a stream that nobody subscribed to it is one look-up.
 */
export class StreamInterest {
  readonly #linked = new Map<StreamKey, Set<Interested>>();
  /** Those with a pattern, by tenant. */
  readonly #patterns = new Map<string, Set<Interested>>();
  /** By the stream that their wake events go to. */
  readonly #waking = new Map<StreamKey, Set<Interested>>();

  link(subscription: Interested, name: StreamName): void {
    put(this.#linked, streamKey(subscription.tenant, name), subscription);
  }

  unlink(subscription: Interested, name: StreamName): void {
    drop(this.#linked, streamKey(subscription.tenant, name), subscription);
  }

  add(subscription: Interested): void {
    const { tenant, config } = subscription;
    if (config.pattern !== null) put(this.#patterns, tenant, subscription);
    if (config.delivery.kind === 'pull-wake')
      put(this.#waking, streamKey(tenant, config.delivery.stream), subscription);
  }

  remove(subscription: Interested): void {
    const { tenant, config } = subscription;
    for (const name of subscription.names()) this.unlink(subscription, name);
    drop(this.#patterns, tenant, subscription);
    if (config.delivery.kind === 'pull-wake')
      drop(this.#waking, streamKey(tenant, config.delivery.stream), subscription);
  }

  /** A stream has moved. Without `latest` it may have been made or deleted. */
  moved(key: StreamKey, latest: number | undefined): void {
    const linked = this.#linked.get(key);
    if (linked !== undefined) {
      const name = nameOf(key);
      for (const subscription of linked) subscription.heard(name, latest !== undefined);
    }
    if (latest === undefined && (this.#patterns.size > 0 || this.#waking.size > 0)) this.#made(key);
  }

  #made(key: StreamKey): void {
    const name: StreamName = nameOf(key);
    for (const subscription of this.#patterns.get(tenantOf(key)) ?? [])
      if (subscription.fits(name)) subscription.heard(name, false);
    for (const subscription of this.#waking.get(key) ?? []) subscription.nudge();
  }
}

function put<K, V>(map: Map<K, Set<V>>, at: K, value: V): void {
  const set = map.get(at);
  if (set === undefined) map.set(at, new Set([value]));
  else set.add(value);
}

function drop<K, V>(map: Map<K, Set<V>>, at: K, value: V): void {
  const set = map.get(at);
  if (set?.delete(value) === true && set.size === 0) map.delete(at);
}
