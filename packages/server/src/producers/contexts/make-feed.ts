import type { EventLog } from '../../log/event-log.ts';
import { sourceKey, USER_CHANNELS, userChannelKey } from './channel-name.ts';
import type { FeedRecord, FeedRecords } from './feed-record.ts';

export interface MakeParts {
  readonly log: EventLog;
  readonly records: FeedRecords;
}

/**
 * Makes what a user's feed consists of, whatever of it is there already. The record is first: who looks for all feeds
 * finds every one that may have events.
 */
export async function makeFeed(
  { log, records }: MakeParts,
  who: Pick<FeedRecord, 'tenant' | 'user'>,
  now: number,
): Promise<FeedRecord> {
  const { tenant, user } = who;
  let record = await records.get(tenant, user);
  if (record === undefined) {
    record = { tenant, user, createdAt: now, at: null, pages: null, recent: [] };
    await records.put(record);
  }
  // D-6: contexts are not trimmed by age.
  const options = { retention: { maxAge: null } };
  const channels = USER_CHANNELS.map((channel) => userChannelKey(tenant, user, channel));
  await Promise.all([sourceKey(tenant, user), ...channels].map((key) => log.create(key, options)));
  return record;
}
