import { randomBytes } from 'node:crypto';
import { PlayheadError, type Position, type StreamName } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  type Attempt,
  type AttemptParts,
  attemptWakeEvent,
  attemptWebhook,
  beginAttempt,
} from './attempts.ts';
import type { CursorWatcher, LinkView } from './cursors.ts';
import { FollowedStreams } from './followed-streams.ts';
import {
  currentWake,
  deadlineOf,
  type Input,
  type Lifecycle,
  newLifecycle,
  type RetryTerms,
  step,
} from './lifecycle.ts';
import { callbackUrl, wakeStreamJson } from './subscription-json.ts';
import { refusal } from './subscription-refusal.ts';
import type { StoredSubscription, SubscriptionStore } from './subscription-store.ts';
import type { WakeTokens } from './wake-tokens.ts';
import type { WebhookResult } from './webhook-call.ts';

export interface DriverParts extends AttemptParts {
  readonly log: EventLog;
  readonly store: SubscriptionStore;
  readonly tokens: WakeTokens;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry: RetryTerms;
  /** Streams in one subscription. */
  readonly streams: number;
}

/** A new subscription has no state yet. */
export type SubscriptionHead = Omit<StoredSubscription, 'state'> & Partial<Pick<StoredSubscription, 'state'>>;

/** How many streams one wake tells of; those that are pending and had no room come with the next one. */
const STREAMS_PER_WAKE = 1_000;
/** How long after a failed write it is tried again, ms. */
const SAVE_AGAIN_MS = 1_000;

/**
 * Drives the lifecycle of one subscription. What is asked for is done one after the other, each as: look at the streams
 * that moved, take one step, store what a restart must know, and only then let others see it. Attempts to wake a worker
 * run beside that, one at a time.
 */
export class SubscriptionDriver {
  readonly streams: FollowedStreams;
  /** Why the last attempt failed; undefined if it did not. */
  failure: { readonly at: string; readonly reason: string } | undefined;
  readonly #parts: DriverParts;
  #head: Omit<StoredSubscription, 'state'>;
  #state: Lifecycle;
  /** The head is not stored as it is. */
  #changed = false;
  /** An attempt is to be made once everything is stored. */
  #due = false;
  #attempt: Attempt | undefined;
  #timer: Disposable | undefined;
  #saving: Disposable | undefined;
  #order: Promise<unknown> = Promise.resolve();
  #life: 'live' | 'draining' | 'closed' | 'deleted' = 'live';

  constructor(parts: DriverParts, { state, ...head }: SubscriptionHead, watcher: CursorWatcher) {
    const { config, tenant } = head;
    this.#parts = parts;
    this.#head = head;
    this.#state = { ...newLifecycle(config.delivery.kind, config.leaseMs), ...state };
    this.streams = new FollowedStreams({ log: parts.log, tenant, config, limit: parts.streams, watcher });
  }

  get head(): Omit<StoredSubscription, 'state'> {
    return this.#head;
  }

  get state(): Lifecycle {
    return this.#state;
  }

  /** Does something when everything asked for before is done. Rejects if the subscription is gone by then. */
  inOrder<T>(call: () => Promise<T>): Promise<T> {
    const answer = this.#order.then(() => {
      if (this.#life === 'deleted') throw unknownSubscription();
      if (this.#life === 'closed') throw new PlayheadError('draining', 'The server is going away.');
      return call();
    });
    this.#order = answer.catch(() => undefined);
    return answer;
  }

  /** The same, for what nobody waits for. */
  later(call: () => Promise<void>): void {
    this.inOrder(call).catch((err: unknown) => this.#tell(err, 'a subscription could not go on'));
  }

  /** One step, inside of `inOrder`. Rejects if something cannot be stored: nobody is woken before it is. */
  async take(input: Input): Promise<void> {
    await this.streams.refresh();
    this.#step(input);
    await this.#settle();
  }

  /** Where callbacks reach the server from now on. Stored with the next step. */
  moveTo(base: string): void {
    if (base === this.#head.base) return;
    this.#head = { ...this.#head, base };
    this.#changed = true;
  }

  /** It is stored with the next step, whatever that changes. */
  change(): void {
    this.#changed = true;
  }

  /** What a worker is told of the current wake. */
  wake(): { readonly json: Record<string, unknown>; readonly streams: readonly LinkView[] } {
    const streams = this.streams.cursors.view(STREAMS_PER_WAKE);
    const { generation } = this.#state;
    return {
      json: { wake_id: currentWake(this.#state), generation, streams: streams.map(wakeStreamJson) },
      streams,
    };
  }

  /** A token for the current wake. */
  token(): string {
    const { tenant, id, incarnation } = this.#head;
    const wake = currentWake(this.#state) ?? '';
    return this.#parts.tokens.make({ tenant, id, incarnation, wake, generation: this.#state.generation });
  }

  /** Inside of `inOrder`. Once it is not stored any more, nothing that comes later finds it. */
  async delete(): Promise<void> {
    const { store } = this.#parts;
    const names = [...this.streams.cursors.names()];
    await store.removeHead(this.#stored());
    this.#end('deleted');
    await store.putLinks(
      this.#head.incarnation,
      names.map((name) => [name, undefined]),
    );
  }

  /** It could not be made: nothing more is done for it. What is half stored the next start removes. */
  abandon(): void {
    this.#end('deleted');
  }

  /** Begins no attempt any more; resolves when the one under way is over. A restart makes those that are due. */
  async drain(): Promise<void> {
    if (this.#life === 'live') this.#life = 'draining';
    await this.#attempt?.over;
  }

  /** Breaks off the attempt under way; resolves when nothing is done any more. */
  async close(): Promise<void> {
    if (this.#life !== 'deleted') this.#end('closed');
    await this.#attempt?.over;
    await this.#order;
  }

  #end(life: 'closed' | 'deleted'): void {
    this.#life = life;
    this.#attempt?.abort();
    this.#timer?.[Symbol.dispose]();
    this.#saving?.[Symbol.dispose]();
  }

  #step(input: Input): void {
    const { clock, retry } = this.#parts;
    const { state, effects } = step(this.#state, input, {
      now: clock.now(),
      pending: this.streams.cursors.pending,
      freshWake: `w_${randomBytes(12).toString('hex')}`,
      jitter: Math.random() * 2 - 1,
      retry,
    });
    this.#state = state;
    for (const effect of effects) {
      if (effect === 'save') this.#changed = true;
      else if (effect === 'wake') this.#due = true;
      else this.#cancel();
    }
    this.#timer?.[Symbol.dispose]();
    const deadline = deadlineOf(state);
    const tick = (): void => this.later(() => this.take({ kind: 'tick' }));
    this.#timer = deadline === undefined ? undefined : clock.after(Math.max(0, deadline - clock.now()), tick);
  }

  async #settle(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#saving ??= this.#parts.clock.after(SAVE_AGAIN_MS, () => {
        this.#saving = undefined;
        this.later(() => this.#settle());
      });
      throw error;
    }
    if (!this.#due) return;
    this.#due = false;
    if (this.#life === 'live' && this.#state.phase.kind === 'waking') this.#begin(this.#state.phase.wake);
  }

  async #save(): Promise<void> {
    const { store } = this.#parts;
    const links = this.streams.cursors.takeUnsaved();
    const changed = this.#changed;
    try {
      await store.putLinks(this.#head.incarnation, links);
      this.#changed = false;
      // The last: a subscription without its head is none, and cursors may be ahead of what a worker was told.
      if (changed) await store.putHead(this.#stored());
    } catch (error) {
      this.streams.cursors.putBack(links.map(([name]) => name));
      this.#changed = changed;
      throw error;
    }
  }

  #stored(): StoredSubscription {
    const { generation, failures, phase } = this.#state;
    return { ...this.#head, state: { generation, failures, phase } };
  }

  #begin(wake: string): void {
    // That of an earlier wake, whose worker called back before it answered.
    this.#attempt?.abort();
    const { delivery } = this.#head.config;
    const sent = new Map<StreamName, Position>();
    this.#attempt = beginAttempt(
      (signal) =>
        delivery.kind === 'webhook'
          ? this.#callWebhook(wake, delivery.url, sent, signal)
          : this.#writeWakeEvent(delivery.stream),
      (result, error) => this.#ended(wake, result, sent, error),
    );
  }

  /** `sent` gets what the webhook is told of: where each stream ends. */
  #callWebhook(
    wake: string,
    url: string,
    sent: Map<StreamName, Position>,
    signal: AbortSignal,
  ): Promise<WebhookResult | undefined> {
    const { tenant, id } = this.#head;
    const body = (): Promise<string | undefined> =>
      this.inOrder(async () => {
        await this.take({ kind: 'began', wake });
        if (this.#state.phase.kind !== 'waking' || this.#state.phase.wake !== wake) return undefined;
        const { json, streams } = this.wake();
        for (const { name, tail } of streams) if (tail !== null) sent.set(name, tail);
        const callback = { callback_url: callbackUrl(this.#head.base, id), callback_token: this.token() };
        return JSON.stringify({ subscription_id: id, ...json, ...callback });
      });
    return attemptWebhook(this.#parts, { tenant, url, again: this.#state.failures > 0, signal, body });
  }

  async #writeWakeEvent(to: StreamName): Promise<WebhookResult> {
    const stream = this.streams.cursors.firstPending;
    if (stream === undefined) return { outcome: 'failed', reason: 'nothing is pending' };
    const { tenant, id } = this.#head;
    const { generation } = this.#state;
    const ts = this.#parts.clock.now();
    return attemptWakeEvent(this.#parts, tenant, to, {
      type: 'wake',
      subscription_id: id,
      stream,
      generation,
      ts,
    });
  }

  async #ended(
    wake: string,
    result: WebhookResult,
    sent: ReadonlyMap<StreamName, Position>,
    error: unknown,
  ): Promise<void> {
    if (error !== undefined) this.#tell(error, 'a worker could not be woken');
    const taken = this.inOrder(async () => {
      if (currentWake(this.#state) !== wake) return;
      const { outcome } = result;
      if (outcome === 'done') for (const [name, tail] of sent) this.streams.cursors.ack(name, tail);
      if (outcome === 'failed') this.#failed(result.reason);
      else this.failure = undefined;
      await this.take({ kind: 'attempted', wake, outcome });
    });
    await taken.catch((err: unknown) => this.#tell(err, 'a subscription could not go on'));
  }

  #cancel(): void {
    this.#attempt?.abort();
    this.#failed('no answer within the lease');
  }

  #failed(reason: string): void {
    const { clock, logger } = this.#parts;
    this.failure = { at: new Date(clock.now()).toISOString(), reason };
    const { tenant, id } = this.#head;
    logger.warn({ tenant, subscription: id, reason, failures: this.#state.failures }, 'no worker was woken');
  }

  /** Of a subscription that is gone nothing is left to be said. */
  #tell(err: unknown, message: string): void {
    if (this.#life === 'closed' || this.#life === 'deleted') return;
    const { tenant, id } = this.#head;
    this.#parts.logger.error({ tenant, subscription: id, err }, message);
  }
}

export function unknownSubscription(): PlayheadError {
  return refusal('SUBSCRIPTION_NOT_FOUND', 'There is no such subscription.');
}
