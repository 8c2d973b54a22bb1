import type { Position, StreamName } from '@playhead/protocol';
import type { StoredLink } from './cursors.ts';
import { claimable, currentWake, isCurrent, statusOf } from './lifecycle.ts';
import type { Interested, StreamInterest } from './stream-interest.ts';
import type { SubscriptionConfig } from './subscription-config.ts';
import { type DriverParts, SubscriptionDriver, type SubscriptionHead } from './subscription-driver.ts';
import { streamJson, subscriptionJson } from './subscription-json.ts';
import { refusal } from './subscription-refusal.ts';
import type { WakeClaims } from './wake-tokens.ts';

/** Which wake a worker speaks of, and what its token says. */
export interface WorkerRequest {
  readonly token: WorkerToken;
  readonly wake: string;
  readonly generation: number;
}

export interface WorkerToken {
  readonly claims: WakeClaims;
  /** It is to be replaced by a new one. */
  readonly old: boolean;
}

export interface AckRequest extends WorkerRequest {
  /** `offset` is undefined where it is none. */
  readonly acks: readonly { readonly stream: StreamName; readonly offset: Position | undefined }[];
  readonly done: boolean;
}

/** One subscription, as requests and hints find it. */
export class LiveSubscription implements Interested {
  readonly #driver: SubscriptionDriver;
  #looking = false;

  constructor(parts: DriverParts, interest: StreamInterest, head: SubscriptionHead) {
    this.#driver = new SubscriptionDriver(parts, head, {
      linked: (name) => interest.link(this, name),
      unlinked: (name) => interest.unlink(this, name),
    });
  }

  get id(): string {
    return this.#driver.head.id;
  }

  get tenant(): string {
    return this.#driver.head.tenant;
  }

  get config(): SubscriptionConfig {
    return this.#driver.head.config;
  }

  get status(): 'active' | 'failed' {
    return statusOf(this.#driver.state);
  }

  names(): Iterable<StreamName> {
    return this.#driver.streams.cursors.names();
  }

  fits(name: StreamName): boolean {
    return this.#driver.streams.fits(name);
  }

  /** Links its streams and stores it: it is there once this resolves. Throws `LIMIT_REACHED`. */
  open(): Promise<void> {
    const { streams } = this.#driver;
    return this.#driver.inOrder(async () => {
      try {
        await streams.add(this.config.streams);
        await streams.backfill('end');
        this.#driver.change();
        await this.#driver.take({ kind: 'moved' });
      } catch (error) {
        this.#driver.abandon();
        throw error;
      }
    });
  }

  /** Goes on after a restart with the streams it had, and with what was made, appended and became due meanwhile. */
  resume(links: ReadonlyMap<StreamName, StoredLink>): void {
    const { streams } = this.#driver;
    for (const [name, link] of links) streams.restore(name, link);
    this.#driver.later(async () => {
      await streams.backfill('start');
      await this.#driver.take({ kind: 'resume' });
    });
  }

  heard(name: StreamName, appended: boolean): void {
    this.#driver.streams.heard(name);
    // While a worker is being woken or at work, what was appended can wait until it is done.
    if (this.#looking || (appended && this.#driver.state.phase.kind !== 'idle')) return;
    this.#looking = true;
    this.#driver.later(async () => {
      this.#looking = false;
      await this.#driver.take({ kind: 'moved' });
    });
  }

  nudge(): void {
    if (this.status === 'failed') this.#driver.later(() => this.#driver.take({ kind: 'nudge' }));
  }

  /** It was confirmed by a request that reached the server at this address. */
  confirm(base: string): Promise<void> {
    return this.#driver.inOrder(async () => {
      this.#driver.moveTo(base);
      await this.#driver.take({ kind: 'nudge' });
    });
  }

  /** As answers show it. */
  view(): Promise<Record<string, unknown>> {
    return this.#driver.inOrder(async () => {
      const { streams, head, state, failure } = this.#driver;
      await streams.refresh();
      const { cursors } = streams;
      const { phase } = state;
      return {
        ...subscriptionJson(head),
        streams: cursors.view(cursors.size).map(streamJson),
        status: statusOf(state),
        ...(phase.kind === 'waiting' ? { next_attempt_at: new Date(phase.retryAt).toISOString() } : {}),
        ...(failure === undefined ? {} : { last_failure: failure }),
        ...(streams.truncated ? { streams_truncated: true } : {}),
      };
    });
  }

  /** At their ends, where they are new. Throws `LIMIT_REACHED`. */
  addStreams(names: readonly StreamName[]): Promise<void> {
    return this.#driver.inOrder(async () => {
      await this.#driver.streams.add(names);
      await this.#driver.take({ kind: 'moved' });
    });
  }

  removeStream(name: StreamName): Promise<void> {
    return this.#driver.inOrder(async () => {
      this.#driver.streams.cursors.unlink(name, 'explicit');
      await this.#driver.take({ kind: 'moved' });
    });
  }

  /** Gives the lease to a worker. Throws `ALREADY_CLAIMED` or `NO_PENDING_WORK`. */
  claim(worker: string): Promise<Record<string, unknown>> {
    return this.#driver.inOrder(async () => {
      const { streams, state } = this.#driver;
      await streams.refresh();
      switch (claimable(state, streams.cursors.pending)) {
        case 'held': {
          const holder = state.phase.kind === 'held' ? state.phase.holder : null;
          const more = { current_holder: holder, generation: state.generation };
          throw refusal('ALREADY_CLAIMED', 'Another worker has the lease.', more);
        }
        case 'nothing':
          await this.#driver.take({ kind: 'moved' });
          throw refusal('NO_PENDING_WORK', 'No stream has events behind its cursor.');
        case 'yes': {
          await this.#driver.take({ kind: 'claim', worker });
          const { json } = this.#driver.wake();
          return { ...json, token: this.#driver.token(), lease_ttl_ms: state.leaseMs };
        }
      }
    });
  }

  /** Moves cursors, and renews or ends the lease. Throws `FENCED` or `INVALID_OFFSET`: then nothing has moved. */
  acknowledge(request: AckRequest): Promise<Record<string, unknown>> {
    return this.#driver.inOrder(async () => {
      const { streams } = this.#driver;
      await streams.refresh();
      this.#fence(request);
      const { acks, done, token } = request;
      for (const { stream, offset } of acks) {
        if (offset === undefined || !streams.cursors.admits(stream, offset))
          throw refusal(
            'INVALID_OFFSET',
            'An ack is behind its cursor, ahead of its stream, or of none here.',
          );
      }
      for (const { stream, offset } of acks) if (offset !== undefined) streams.cursors.ack(stream, offset);
      await this.#driver.take({ kind: 'ack', done });
      const next_wake = done && currentWake(this.#driver.state) !== undefined;
      return { ok: true, next_wake, ...(token.old && !done ? { token: this.#driver.token() } : {}) };
    });
  }

  /** Ends the lease. Throws `FENCED`. */
  release(request: WorkerRequest): Promise<void> {
    return this.#driver.inOrder(async () => {
      await this.#driver.streams.refresh();
      this.#fence(request);
      await this.#driver.take({ kind: 'release' });
    });
  }

  /** Removes it for good: whatever its workers ask for from now on fails. */
  delete(): Promise<void> {
    return this.#driver.inOrder(() => this.#driver.delete());
  }

  /** Wakes nobody any more; resolves when no worker is being woken. */
  drain(): Promise<void> {
    return this.#driver.drain();
  }

  /** Breaks off what is under way. A restart goes on with it. */
  close(): Promise<void> {
    return this.#driver.close();
  }

  #fence({ token: { claims }, wake, generation }: WorkerRequest): void {
    const { head, state } = this.#driver;
    const fits =
      claims.incarnation === head.incarnation &&
      isCurrent(state, claims.wake, claims.generation) &&
      isCurrent(state, wake, generation);
    if (!fits) throw refusal('FENCED', 'Another wake is current.');
  }
}
