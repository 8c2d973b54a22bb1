import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { hashKey, isKeyText, type KeyRecord, keyPrefix, newKeyId, newKeyText } from './key-record.ts';
import type { Keys } from './keys.ts';

/** The tenant of whoever runs the server: the only one that may execute and administrate (D-19). */
export const DEFAULT_TENANT = 'default';

const ENVIRONMENT_KEY = 'key_environment';

export interface FirstKeyParts {
  readonly keys: Keys;
  readonly clock: Clock;
  readonly dataFolder: string;
  /** `PLAYHEAD_API_KEY` or `RDEV_ADMIN_KEY`. */
  readonly given?: string;
}

/** `made`: to be shown this once, and only on a terminal (D-23). */
export type FirstKey =
  | { readonly kind: 'given' }
  | { readonly kind: 'known' }
  | { readonly kind: 'made'; readonly key: string; readonly file: string };

/**
 * Sees to it that there is an admin key. One that a setting gives is valid for as long as it is given: the next
 * start with another, or with none, forgets it. Without one, and if no admin key is known, the key in
 * `admin.key` is taken, or made and written there for its owner's eyes alone.
 *
 * Throws a RangeError for a given key that fits into no header or is shorter than 8 characters.
 */
export async function ensureFirstKey(parts: FirstKeyParts): Promise<FirstKey> {
  const { keys, clock, dataFolder, given } = parts;
  if (given !== undefined) {
    if (!isKeyText(given)) throw new RangeError('The admin key must be 8 to 256 visible ASCII characters.');
    await keys.put(adminKey(ENVIRONMENT_KEY, given, 'environment', clock));
    return { kind: 'given' };
  }
  await keys.delete(ENVIRONMENT_KEY);
  if (keys.list().some((key) => isLiveAdmin(key, clock.now()))) return { kind: 'known' };
  const file = join(dataFolder, 'admin.key');
  const kept = await readKey(file);
  if (kept !== undefined) {
    await keys.put(adminKey(newKeyId(), kept, 'first', clock));
    return { kind: 'known' };
  }
  const key = newKeyText();
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await writeKey(file, key);
  await keys.put(adminKey(newKeyId(), key, 'first', clock));
  return { kind: 'made', key, file };
}

/** Whether a key administrates, now. */
export function isLiveAdmin(key: KeyRecord, now: number): boolean {
  return key.scopes.includes('admin') && (key.expires_at === null || Date.parse(key.expires_at) > now);
}

function adminKey(id: string, text: string, origin: KeyRecord['origin'], clock: Clock): KeyRecord {
  return {
    id,
    hash: hashKey(text),
    key_prefix: keyPrefix(text),
    name: 'admin',
    tenant: DEFAULT_TENANT,
    user_id: null,
    scopes: ['admin'],
    created_at: new Date(clock.now()).toISOString(),
    expires_at: null,
    allowed_ips: [],
    last_used_at: null,
    origin,
  };
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return isKeyText(text) ? text : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeKey(file: string, key: string): Promise<void> {
  await using handle = await open(file, 'w', 0o600);
  // A file that was there keeps its mode when it is opened.
  await handle.chmod(0o600);
  await handle.writeFile(`${key}\n`);
  await handle.sync();
}
