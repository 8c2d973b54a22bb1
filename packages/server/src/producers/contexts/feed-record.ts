import { allRecords, type Collection, type Records } from '../../records/records.ts';
import { nameSegment } from '../../log/name-segment.ts';
import type { KeptPages } from './known-pages.ts';

/** What is kept of a user between two processes, so that not all of a history is read again. */
export interface FeedRecord {
  readonly tenant: string;
  readonly user: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** What follows the position in the source is not in `pages` yet; null: nothing is. */
  readonly at: string | null;
  readonly pages: KeptPages | null;
  readonly recent: readonly (readonly [id: string, number: number])[];
  /** The source's epochs after its first in which somebody opened the feed, and how many it had before each. */
  readonly epochs?: readonly (readonly [epoch: string, index: number])[];
}

export interface FeedRecords {
  get(tenant: string, user: string): Promise<FeedRecord | undefined>;
  put(record: FeedRecord): Promise<void>;
  /** All users there are, of all tenants. */
  all(): AsyncIterable<FeedRecord>;
}

export function feedRecords(records: Records): FeedRecords {
  const feeds: Collection<FeedRecord> = records.collection('contexts-feeds');
  return {
    get: (tenant, user) => feeds.get(idOf(tenant, user)),
    put: (record) => feeds.put(idOf(record.tenant, record.user), record),
    async *all() {
      for await (const { value } of allRecords(feeds)) yield value;
    },
  };
}

function idOf(tenant: string, user: string): string {
  return `${tenant}/${nameSegment(user)}`;
}
