import { randomBytes } from 'node:crypto';
import type { Gate } from '../../access/gate.ts';
import type { Router } from '../../http/router.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { OutgoingGuard, OutgoingRequests } from '../../outgoing/outgoing.ts';
import type { Records } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { deliverySlots } from './delivery-slots.ts';
import { openSigningKeys } from './signing-keys.ts';
import { mountSubscriptions } from './subscription-face.ts';
import { openSubscriptions } from './subscriptions.ts';
import { wakeTokens } from './wake-tokens.ts';
import { webhookCaller } from './webhook-call.ts';

export interface SubscriptionsContext {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly records: Records;
  readonly gate: Gate;
  readonly guard: OutgoingGuard;
  readonly requests: OutgoingRequests;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: SubscriptionSettings;
  /** First segments of names that the server alone writes. */
  readonly reserved: ReadonlySet<string>;
  readonly defaultTenant: string;
}

export interface SubscriptionSettings {
  readonly publicUrl: string | undefined;
  /** Of one tenant. */
  readonly subscriptions: number;
  /** Of one subscription. */
  readonly subscriptionStreams: number;
  readonly subscriptionLeaseMs: number;
  readonly subscriptionLeaseMinMs: number;
  readonly subscriptionTokenMs: number;
  readonly webhookTimeoutMs: number;
  readonly webhookRetryMs: number;
  readonly webhookRetryMaxMs: number;
  /** Called at once, of those that answered the last time; as many of those that did not. */
  readonly webhooksAtOnce: number;
}

/** Subscriptions, with their face and their webhooks. */
export interface SubscriptionsPart extends AsyncDisposable {
  mount(router: Router): void;
  /** Wakes nobody any more; resolves when the webhooks that are being called have answered. */
  drain(): Promise<void>;
}

/** Opens the subscriptions that there are, and goes on with them. */
export async function createSubscriptions(context: SubscriptionsContext): Promise<SubscriptionsPart> {
  const { records, clock, settings, guard, gate, defaultTenant } = context;
  const keys = await openSigningKeys(records, clock);
  const tokens = wakeTokens(await tokenSecret(records), clock, settings.subscriptionTokenMs);
  const subscriptions = await openSubscriptions({
    ...context,
    tokens,
    call: webhookCaller({ requests: context.requests, keys, timeoutMs: settings.webhookTimeoutMs }),
    slots: deliverySlots(settings.webhooksAtOnce),
    retry: { firstMs: settings.webhookRetryMs, longestMs: settings.webhookRetryMaxMs },
    streams: settings.subscriptionStreams,
    subscriptions: settings.subscriptions,
  });
  const limits = {
    streams: settings.subscriptionStreams,
    leaseMs: settings.subscriptionLeaseMs,
    leaseMinMs: settings.subscriptionLeaseMinMs,
    reserved: context.reserved,
  };
  const { publicUrl } = settings;
  return {
    mount: (router) =>
      mountSubscriptions(router, {
        ...{ subscriptions, keys, tokens, guard, gate, limits, publicUrl, defaultTenant },
      }),
    drain: () => subscriptions.drain(),
    [Symbol.asyncDispose]: () => subscriptions[Symbol.asyncDispose](),
  };
}

/** Outlives a restart, so that workers that were woken before it can still acknowledge. */
async function tokenSecret(records: Records): Promise<Buffer> {
  const secrets = records.collection<{ readonly secret: string }>('secrets');
  const made = { secret: randomBytes(32).toString('base64url') };
  await secrets.add('wake-tokens', made);
  return Buffer.from(((await secrets.get('wake-tokens')) ?? made).secret, 'base64url');
}
