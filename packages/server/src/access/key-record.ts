import { hash, randomBytes } from 'node:crypto';
import type { Scope } from './principal.ts';

/** A key as it is stored. The key itself is nowhere. */
export interface KeyRecord {
  readonly id: string;
  /** See `hashKey`. */
  readonly hash: string;
  /** The beginning of the key, to tell keys apart by. */
  readonly key_prefix: string;
  readonly name: string;
  readonly tenant: string;
  readonly user_id: string | null;
  readonly scopes: readonly Scope[];
  /** ISO 8601. */
  readonly created_at: string;
  /** ISO 8601; null: never. */
  readonly expires_at: string | null;
  /** Addresses and networks that it may be used from; empty: any. */
  readonly allowed_ips: readonly string[];
  /** What its browsers may reach though it is not public: see network-list.ts. Absent: nothing more than all may. */
  readonly allowed_networks?: readonly string[];
  /** ISO 8601, a whole minute, up to one late; null: never. */
  readonly last_used_at: string | null;
  /** `environment`: given by a setting at every start. `first`: made at the first start. `request`: by POST /keys. */
  readonly origin: 'environment' | 'first' | 'request';
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `rdev_` and 32 base62 characters: 190 random bits. */
export function newKeyText(): string {
  return `rdev_${randomText(32)}`;
}

/** The public name of a key. */
export function newKeyId(): string {
  return `key_${randomText(16)}`;
}

/** What a key may look like that somebody else made: visible ASCII, as fits into a header. */
export function isKeyText(text: string): boolean {
  return /^[\x21-\x7e]{8,256}$/.test(text);
}

/**
 * What is stored in place of a key: its SHA-256. A slow password hash would defend words that can be guessed; a
 * key of 190 random bits cannot be, so one fast hash is as good, and a flood of wrong keys costs no CPU. Looking a
 * hash up needs no constant time either: what a caller could learn from timing is about hashes, which it cannot
 * choose.
 */
export function hashKey(text: string): string {
  return hash('sha256', text, 'base64url');
}

function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    // 248 is the last multiple of 62 in a byte: what lies above would make some letters likelier.
    for (const byte of randomBytes(length)) {
      if (byte < 248 && text.length < length) text += BASE62[byte % 62] ?? '';
    }
  }
  return text;
}

/** How much of a key is shown where keys are listed: its form and four characters, or less of a short one. */
export function keyPrefix(text: string): string {
  return text.slice(0, Math.min(9, Math.floor(text.length / 4)));
}
