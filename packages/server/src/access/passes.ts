import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';

/** Secrets that the server gives out for a while, each standing for something. */
export interface Passes<T> {
  /** A new one for somebody of a tenant: its text is known to the caller alone. */
  issue(tenant: string, value: T, lifetimeMs: number): IssuedPass;
  /** What a text stands for; undefined if it is none, or no longer. */
  find(text: string): T | undefined;
  /** Ends one. False if there was none. */
  remove(text: string): boolean;
}

export interface IssuedPass {
  readonly text: string;
  /** ms since 1970. */
  readonly expiresAt: number;
}

/**
 * Passes of one tenant at once. Beyond it those that it was issued first are forgotten: nobody can fill the memory, nor
 * push out another tenant's.
 */
const MAX_PASSES = 10_000;

/**
 * Keeps passes in the memory of this process: a restart forgets them, which for things of minutes and for a
 * sign-in is no loss. Only hashes are kept, so that a dump of the memory opens nothing. 256 random bits each: one
 * fast hash is enough, see hashKey.
 */
export function createPasses<T>(prefix: string, clock: Clock): Passes<T> {
  const kept = new Map<string, { readonly value: T; readonly expiresAt: number; readonly tenant: string }>();
  // Of each tenant, in the order in which they were issued.
  const issued = new Map<string, Set<string>>();

  function drop(key: string): boolean {
    const pass = kept.get(key);
    if (pass === undefined) return false;
    issued.get(pass.tenant)?.delete(key);
    return kept.delete(key);
  }

  // Those of one kind live equally long, so what has expired comes first.
  function makeRoom(own: ReadonlySet<string>): void {
    const now = clock.now();
    for (const key of own) {
      if (own.size < MAX_PASSES && (kept.get(key)?.expiresAt ?? 0) > now) break;
      drop(key);
    }
  }

  return {
    issue(tenant, value, lifetimeMs) {
      const own = issued.get(tenant) ?? new Set();
      issued.set(tenant, own);
      makeRoom(own);
      const text = `${prefix}${randomBytes(32).toString('base64url')}`;
      const key = keyOf(text);
      const expiresAt = clock.now() + lifetimeMs;
      kept.set(key, { value, expiresAt, tenant });
      own.add(key);
      return { text, expiresAt };
    },
    find(text) {
      const pass = kept.get(keyOf(text));
      return pass !== undefined && pass.expiresAt > clock.now() ? pass.value : undefined;
    },
    remove: (text) => drop(keyOf(text)),
  };
}

function keyOf(text: string): string {
  return hash('sha256', text, 'base64url');
}
