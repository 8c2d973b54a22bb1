import { formatPosition, type Position } from '@playhead/protocol';
import type { LinkView } from './cursors.ts';
import type { StoredSubscription } from './subscription-store.ts';

/** The beginning of a stream, in the protocol's offsets. */
const BEGINNING = '-1';

/** Where this face is, behind the server's address. */
export const CONTROL_PATH = '/v1/stream/__ds';

/** A stream of a subscription. */
export function streamJson({ name, kinds, acked }: LinkView): Record<string, unknown> {
  return { path: name, link_type: kinds.explicit ? 'explicit' : 'glob', acked_offset: offsetOf(acked) };
}

/** A stream of a wake: where its worker goes on, and how far there is something. */
export function wakeStreamJson(link: LinkView): Record<string, unknown> {
  return { ...streamJson(link), tail_offset: offsetOf(link.tail), has_pending: link.pending };
}

/** What of a subscription never changes, as answers show it. */
export function subscriptionJson({
  id,
  config,
  createdAt,
}: Pick<StoredSubscription, 'id' | 'config' | 'createdAt'>): Record<string, unknown> {
  const { pattern, delivery, leaseMs, description } = config;
  return {
    id,
    subscription_id: id,
    type: delivery.kind,
    pattern,
    webhook: delivery.kind === 'webhook' ? { url: delivery.url } : null,
    wake_stream: delivery.kind === 'pull-wake' ? delivery.stream : null,
    lease_ttl_ms: leaseMs,
    created_at: new Date(createdAt).toISOString(),
    description,
  };
}

/** The URL of a subscription's callbacks. */
export function callbackUrl(base: string, id: string): string {
  return `${base}${CONTROL_PATH}/subscriptions/${encodeURIComponent(id)}/callback`;
}

function offsetOf(position: Position | null): string {
  return position === null ? BEGINNING : formatPosition(position);
}
