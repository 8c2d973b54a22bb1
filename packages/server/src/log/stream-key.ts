import { PlayheadError, type StreamName, isStreamName } from '@playhead/protocol';

declare const brand: unique symbol;

/**
 * A stream as every part of the server names it: `tenant:name` in one comparable text. The tenant is no part of
 * the name (D-4), so no name can reach another tenant's stream: a key is made from the caller's own tenant.
 */
export type StreamKey = string & { readonly [brand]: 'StreamKey' };

const TENANT = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Whose the streams are that belong to the server and to no tenant. No key, no token and no request can name it, so
 * whatever lets somebody at such a stream is a line of code of ours.
 */
export const SERVER_TENANT = '_server';

/** Whether a text can be a tenant: 1 to 64 of `[A-Za-z0-9_-]`. */
export function isTenant(text: string): boolean {
  return TENANT.test(text) && text !== SERVER_TENANT;
}

// Keys that were made lately, by tenant and name: to look one up costs a tenth of checking the name again.
const made = new Map<string, Map<string, StreamKey>>();
let kept = 0;
const KEPT_MAX = 20_000;

/** The key of a tenant's stream if it was made lately: then the name is one. */
export function knownKey(tenant: string, name: string): StreamKey | undefined {
  return made.get(tenant)?.get(name);
}

/** The key of a tenant's stream. Throws `invalid-request` for a text that is not a name. */
export function streamKey(tenant: string, name: StreamName): StreamKey {
  const known = knownKey(tenant, name);
  if (known !== undefined) return known;
  if (!TENANT.test(tenant))
    throw new PlayheadError('invalid-request', 'A tenant is 1 to 64 of A-Z a-z 0-9 _ -.');
  if (!isStreamName(name)) {
    throw new PlayheadError(
      'invalid-request',
      'A stream is named kind/id[/part]: at most 256 of A-Z a-z 0-9 . _ ~ - in segments parted by /.',
    );
  }
  const key = `${tenant}:${name}` as StreamKey;
  if (kept >= KEPT_MAX) {
    made.clear();
    kept = 0;
  }
  const names = made.get(tenant) ?? new Map<string, StreamKey>();
  made.set(tenant, names.set(name, key));
  kept += 1;
  return key;
}

/** A key as an engine stored it. Throws `invalid-request` if it is none. */
export function streamKeyOf(text: string): StreamKey {
  const colon = text.indexOf(':');
  return streamKey(text.slice(0, Math.max(colon, 0)), text.slice(colon + 1));
}

export function tenantOf(key: StreamKey): string {
  return key.slice(0, key.indexOf(':'));
}

export function nameOf(key: StreamKey): StreamName {
  return key.slice(key.indexOf(':') + 1);
}
