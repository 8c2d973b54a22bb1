import type { BlockList } from 'node:net';
import { addressList } from '../runtime/address.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Records } from '../records/records.ts';
import { hashKey, isKeyText, type KeyRecord } from './key-record.ts';
import type { Principal } from './principal.ts';

/** A key ready for use. */
export interface LiveKey {
  record: KeyRecord;
  readonly principal: Principal;
  /** ms since 1970, or Infinity. */
  readonly expiresAt: number;
  readonly addresses: BlockList | undefined;
  /** Whether it was used since its time of last use was stored. */
  used: boolean;
}

/** All keys of this server. They are few, so all are in memory, and looking one up is synchronous. */
export interface Keys extends AsyncDisposable {
  /** The key that a caller showed, if it is one and has not expired. Hashed only when first seen. */
  find(text: string): LiveKey | undefined;
  get(id: string): KeyRecord | undefined;
  /** The key of that id, unless it has expired: for what was made with a key and lives no longer than it. */
  live(id: string): LiveKey | undefined;
  /** In the order in which they were made. */
  list(): readonly KeyRecord[];
  /** Stores a key, in place of the one of that id. It is valid when this resolves. */
  put(record: KeyRecord): Promise<void>;
  /** Removes a key. It is invalid at once, before the removal is on disk. False if there is none. */
  delete(id: string): Promise<boolean>;
}

/**
 * How often the times of last use are stored, ms. They are coarse on purpose: a request only leaves a mark, and
 * does not even ask for the time.
 */
const FLUSH_MS = 60_000;

export interface KeysParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function openKeys({ records, clock, logger }: KeysParts): Promise<Keys> {
  const stored = records.collection<KeyRecord>('keys');
  const byId = new Map<string, LiveKey>();
  const byHash = new Map<string, LiveKey>();
  // By the key itself, so that a key seen before is not hashed again. Only valid keys get in: it stays small.
  const hot = new Map<string, LiveKey>();
  for (const { value } of await stored.list()) enter(value);

  function enter(record: KeyRecord): void {
    leave(record.id);
    const key = liven(record);
    byId.set(record.id, key);
    byHash.set(record.hash, key);
  }

  function leave(id: string): boolean {
    const key = byId.get(id);
    if (key === undefined) return false;
    byId.delete(id);
    byHash.delete(key.record.hash);
    for (const [text, each] of hot) if (each === key) hot.delete(text);
    return true;
  }

  async function flush(): Promise<void> {
    const now = clock.now();
    const minute = new Date(now - (now % 60_000)).toISOString();
    for (const key of byId.values()) {
      if (!key.used) continue;
      key.used = false;
      key.record = { ...key.record, last_used_at: minute };
      await stored.put(key.record.id, key.record);
    }
  }

  const flushing = clock.every(FLUSH_MS, () => {
    flush().catch((err: unknown) => logger.warn({ err }, 'times of last use were not stored'));
  });

  return {
    find(text) {
      let key = hot.get(text);
      if (key === undefined) {
        if (!isKeyText(text)) return undefined;
        key = byHash.get(hashKey(text));
        if (key === undefined) return undefined;
        hot.set(text, key);
      }
      if (key.expiresAt === Number.POSITIVE_INFINITY || key.expiresAt > clock.now()) return key;
      hot.delete(text);
      return undefined;
    },
    get: (id) => byId.get(id)?.record,
    live(id) {
      const key = byId.get(id);
      return key !== undefined && key.expiresAt > clock.now() ? key : undefined;
    },
    list: () => [...byId.values()].map((key) => key.record).sort(byAge),
    async put(record) {
      await stored.put(record.id, record);
      enter(record);
    },
    async delete(id) {
      if (!leave(id)) return false;
      await stored.delete(id);
      return true;
    },
    async [Symbol.asyncDispose]() {
      flushing[Symbol.dispose]();
      await flush();
    },
  };
}

function liven(record: KeyRecord): LiveKey {
  return {
    record,
    principal: {
      keyId: record.id,
      tenant: record.tenant,
      userId: record.user_id,
      scopes: new Set(record.scopes),
      ...(record.allowed_networks === undefined ? {} : { networks: record.allowed_networks }),
    },
    expiresAt: record.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(record.expires_at),
    addresses: record.allowed_ips.length === 0 ? undefined : addressList(record.allowed_ips),
    used: false,
  };
}

function byAge(a: KeyRecord, b: KeyRecord): number {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
