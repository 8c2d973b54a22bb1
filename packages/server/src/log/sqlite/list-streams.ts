import type { Bounds, Listed, ListQuery } from '../event-log.ts';
import { type StreamKey, streamKeyOf } from '../stream-key.ts';
import type { ReaderPool } from './reader-pool.ts';

/** A tenant's streams by name: names from a reader thread, bounds as the main thread knows them. */
export async function listStreams(
  readers: ReaderPool,
  bounds: (key: StreamKey) => Promise<Bounds | undefined>,
  query: ListQuery,
): Promise<readonly Listed[]> {
  const { tenant, prefix = '', after = '', limit } = query;
  const listed: Listed[] = [];
  // Streams whose time is over are left out, so one page of names may not be enough.
  for (let behind = after; listed.length < limit; ) {
    const call = { kind: 'list', tenant, prefix, after: behind, limit: limit - listed.length } as const;
    const answer = await readers.call(call);
    if (answer.kind !== 'listed' || answer.keys.length === 0) break;
    const keys = answer.keys.map((key) => streamKeyOf(key));
    const found = await Promise.all(keys.map(async (key) => ({ key, bounds: await bounds(key) })));
    for (const { key, bounds: known } of found) if (known !== undefined) listed.push({ key, bounds: known });
    behind = (answer.keys.at(-1) ?? '').slice(tenant.length + 1);
  }
  return listed;
}
