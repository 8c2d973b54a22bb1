import { setImmediate } from 'node:timers/promises';
import { allRecords, type Records } from '../../records/records.ts';
import type { StoredLink } from './cursors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

/** A subscription as a restart finds it, apart from its streams. */
export interface StoredSubscription {
  readonly tenant: string;
  readonly id: string;
  /** Unlike that of every subscription before, also of the same id. */
  readonly incarnation: string;
  readonly config: SubscriptionConfig;
  /** Where callbacks reach the server, without a slash at the end. */
  readonly base: string;
  /** ms since 1970. */
  readonly createdAt: number;
  readonly state: Pick<Lifecycle, 'generation' | 'failures' | 'phase'>;
}

/**
 * Subscriptions in the records. Each stream of one is a record of its own, so that an acknowledgement writes what it
 * moves. A subscription is there once its head is: whatever a death leaves half written is removed at the next start.
 */
export interface SubscriptionStore {
  /** All of them, with their streams by name. */
  load(): Promise<[StoredSubscription, ReadonlyMap<string, StoredLink>][]>;
  putHead(head: StoredSubscription): Promise<void>;
  /** Undefined removes. Lets others run on the way, if there are many. */
  putLinks(
    incarnation: string,
    changed: Iterable<[name: string, link: StoredLink | undefined]>,
  ): Promise<void>;
  /** Gone from here on, also if the rest of it is not removed. */
  removeHead(head: StoredSubscription): Promise<void>;
}

export function subscriptionStore(records: Records): SubscriptionStore {
  const heads = records.collection<StoredSubscription>('subscriptions');
  const links = records.collection<StoredLink>('subscription-streams');
  const idOf = ({ tenant, id }: StoredSubscription): string => `${tenant}/${id}`;

  return {
    async load() {
      const loaded = (await heads.list()).map(
        ({ value }) =>
          [value, new Map<string, StoredLink>()] as [StoredSubscription, Map<string, StoredLink>],
      );
      const byIncarnation = new Map(loaded.map(([head, streams]) => [head.incarnation, streams]));
      for await (const { id, value } of allRecords(links)) {
        const slash = id.indexOf('/');
        const streams = byIncarnation.get(id.slice(0, slash));
        if (streams === undefined) await links.delete(id);
        else streams.set(id.slice(slash + 1), value);
      }
      return loaded;
    },
    putHead: (head) => heads.put(idOf(head), head),
    async putLinks(incarnation, changed) {
      let count = 0;
      for (const [name, link] of changed) {
        const id = `${incarnation}/${name}`;
        if (link === undefined) await links.delete(id);
        else await links.put(id, link);
        // A store may do its work without ever giving the thread away.
        if (++count % AT_ONCE === 0) await setImmediate();
      }
    },
    async removeHead(head) {
      await heads.delete(idOf(head));
    },
  };
}

const AT_ONCE = 64;
