import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { allRecords, type Collection, type Records } from '../../records/records.ts';
import type { Ending } from '../../sessions/ending.ts';
import { isComputerId } from './computer-id.ts';

/** First segment of the names of computers' streams. */
export const KIND = 'computers';

/** The stream of a computer. */
export function computerStream(tenant: string, id: string): StreamKey {
  return streamKey(tenant, `${KIND}/${id}`);
}

/** What is known of a computer, as long as the server keeps it. What happened in it is in its stream. */
export interface ComputerRecord {
  readonly id: string;
  readonly tenant: string;
  /** The user whose key made it; null: a key of nobody in particular did. */
  readonly user?: string | null;
  /** ms since 1970. */
  readonly createdAt: number;
  /** ms without use after which it ends, and whether it does. */
  readonly idleMs: number;
  readonly idleEnabled: boolean;
  /** ms in all. */
  readonly lifetimeMs: number;
  /** The profile that outlives it; null: one of its own that does not. */
  readonly context: string | null;
  /** Absent while it runs. Times are ms since 1970. */
  readonly ended?: { readonly at: number; readonly lastActivityAt: number; readonly ending: Ending };
}

/** The computers of all tenants. */
export interface ComputerStore {
  put(computer: ComputerRecord): Promise<void>;
  remove(computer: ComputerRecord): Promise<void>;
  get(tenant: string, id: string): Promise<ComputerRecord | undefined>;
  /** Those of a tenant whose profiles are kept, the newest first. */
  withContext(tenant: string): Promise<readonly ComputerRecord[]>;
  /** All that ended before a time (ms since 1970), of all tenants. */
  endedBefore(time: number): AsyncIterable<ComputerRecord>;
}

export function createComputerStore(records: Records): ComputerStore {
  const computers: Collection<ComputerRecord> = records.collection('computers');

  return {
    put: (computer) => computers.put(keyOf(computer), computer),
    async remove(computer) {
      await computers.delete(keyOf(computer));
    },
    async get(tenant, id) {
      return isComputerId(id) ? computers.get(keyOf({ tenant, id })) : undefined;
    },
    async withContext(tenant) {
      const found: ComputerRecord[] = [];
      for await (const { value } of allRecords(computers, { prefix: `${tenant}/` }))
        if (value.context !== null) found.push(value);
      return found.sort((a, b) => b.createdAt - a.createdAt);
    },
    async *endedBefore(time) {
      for await (const { value } of allRecords(computers))
        if (value.ended !== undefined && value.ended.at < time) yield value;
    },
  };
}

function keyOf({ tenant, id }: Pick<ComputerRecord, 'tenant' | 'id'>): string {
  return `${tenant}/${id}`;
}
