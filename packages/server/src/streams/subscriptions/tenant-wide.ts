import type { StreamName } from '@playhead/protocol';
import { maySeeStream, type Principal } from '../../access/principal.ts';

/** Anybody who has a key of the tenant, and nothing more. */
const ANYBODY: Principal = { keyId: '', tenant: '', userId: null, scopes: new Set() };

/**
 * Whether a stream may be part of a subscription. A subscription is the whole tenant's, so the streams that only one user
 * may know of are none of its: it would tell their names and when they move.
 */
export function isTenantWide(name: StreamName): boolean {
  return maySeeStream(ANYBODY, name);
}
