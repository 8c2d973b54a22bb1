import type { Hub } from '../../hub/hub.ts';
import type { Appended } from '../../log/event-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import type { DeliverySlots } from './delivery-slots.ts';
import type { CallWebhook, WebhookResult } from './webhook-call.ts';

/** What attempts to wake a worker are made with. */
export interface AttemptParts {
  readonly hub: Hub;
  readonly call: CallWebhook;
  readonly slots: DeliverySlots;
}

/** An attempt under way. */
export interface Attempt {
  abort(): void;
  /** Never rejects. */
  readonly over: Promise<void>;
}

/** Begins an attempt. `ended` hears how it ended, unless that is undefined: then it was not made. */
export function beginAttempt(
  make: (signal: AbortSignal) => Promise<WebhookResult | undefined>,
  ended: (result: WebhookResult, error?: unknown) => Promise<void>,
): Attempt {
  const controller = new AbortController();
  const over = make(controller.signal)
    .then((result) => (result === undefined ? undefined : ended(result)))
    .catch((error: unknown) => ended({ outcome: 'failed', reason: 'the server failed' }, error));
  return { abort: () => controller.abort(), over };
}

export interface WebhookAttempt {
  readonly tenant: string;
  readonly url: string;
  /** The last call failed. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  /** Makes the body when the call can be made; undefined if it is not wanted any more. */
  readonly body: () => Promise<string | undefined>;
}

/** Calls a webhook once there is a slot; undefined if it was not called. */
export async function attemptWebhook(
  { call, slots }: AttemptParts,
  { tenant, url, again, signal, body }: WebhookAttempt,
): Promise<WebhookResult | undefined> {
  using slot = await slots.take(tenant, again ? 'again' : 'first', signal);
  const text = slot && (await body());
  return text === undefined ? undefined : await call({ tenant, url, body: text, signal });
}

/** What a worker reads in the wake stream. */
export interface WakeEvent {
  readonly type: 'wake';
  readonly subscription_id: string;
  /** A stream that is pending. */
  readonly stream: string;
  readonly generation: number;
  /** ms since 1970. */
  readonly ts: number;
}

/**
 * Writes a wake event, of the type that the Durable Streams face shows as a bare value. The wake stream is the
 * application's: it must be there, open, and hold JSON.
 */
export async function attemptWakeEvent(
  { hub }: AttemptParts,
  tenant: string,
  stream: string,
  event: WakeEvent,
): Promise<WebhookResult> {
  const events = [{ type: 'message', data: JSON.stringify(event) }];
  const { kind } = await hub.append(streamKey(tenant, stream), events, { mediaType: 'application/json' });
  return kind === 'appended'
    ? { outcome: 'accepted' }
    : { outcome: 'failed', reason: `the wake stream ${PROBLEMS[kind]}` };
}

const PROBLEMS: Readonly<Record<Exclude<Appended['kind'], 'appended'>, string>> = {
  missing: 'does not exist',
  closed: 'is closed',
  'other-type': 'does not hold JSON',
  // Only appends of writers and with conditions are answered so.
  repeated: 'refuses the event',
  fenced: 'refuses the event',
  'sequence-gap': 'refuses the event',
  'out-of-order': 'refuses the event',
  mismatch: 'refuses the event',
};
