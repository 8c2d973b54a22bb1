import { randomUUID } from 'node:crypto';
import { PlayheadError, type ProblemCode } from '@playhead/protocol';
import type { Standings } from '../../access/gate.ts';
import { allows } from '../../access/principal.ts';
import type { EndReason } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SocketLine, SocketListener } from '../../transports/socket-face.ts';
import { type Answer, errorAnswer, renderAnswer, renderWelcome } from './answer.ts';
import { CHANNELS, parseChannel } from './channel-name.ts';
import { type Beginning, beginningOf, type Channel, type Channels } from './channels.ts';
import { type Dialect, type MessageLimits, readMessage, type Request } from './client-message.ts';
import {
  type ConnectionState,
  type Effect,
  type Identity,
  identityOf,
  type Input,
  newConnection,
  type RuleSettings,
  step,
} from './connection-rules.ts';
import type { Identify } from './identify.ts';
import { MessageRate, type RateRule, type Verdict } from './message-rate.ts';
import type { Publish } from './publish.ts';
import type { UpdateForm } from './state-update.ts';
import { createSubscriptions, type Subscriptions } from './subscriptions.ts';
import type { Device } from './sync-message.ts';
import type { Watched } from './timer-wheel.ts';

/** Shared by all connections. */
export interface ConnectionParts {
  readonly clock: Clock;
  readonly channels: Channels;
  readonly identify: Identify;
  readonly publish: Publish;
  readonly standings: Standings;
  readonly rules: RuleSettings;
  readonly limits: MessageLimits;
  readonly rate: RateRule;
  /** How often a connection is looked at, ms. */
  readonly checkMs: number;
  readonly heartbeatInterval: number;
  readonly host: ConnectionHost;
}

/** What connections tell whoever keeps them. */
export interface ConnectionHost {
  /** Gives the connection to a user; false if that user has too many. */
  bound(connection: Connection, identity: Identity): boolean;
  /** Counts a message of the user's. */
  count(identity: Identity, now: number): Verdict;
  /** It should be looked at, at a time (ms since 1970). */
  watch(connection: Connection, at: number): void;
  /** What it hears, or whose it is, is another now. */
  changed(connection: Connection, change: 'connected' | 'changed'): void;
  /** Exactly once: it is over. */
  cleaned(connection: Connection, why: string): void;
  /** Something failed that no client caused. */
  failed(connection: Connection, error: unknown): void;
}

/**
 * One client of the contexts' socket: does what the rules say (connection-rules.ts). Messages are taken one after the
 * other, each when the one before was answered, so what comes behind `auth` is judged by what came of it.
 */
export class Connection implements SocketListener, Watched {
  readonly id: string = randomUUID();
  readonly address: string;
  readonly openedAt: number;
  device: Device | undefined;
  messages = 0;
  readonly #parts: ConnectionParts;
  readonly #line: SocketLine;
  readonly #subscriptions: Subscriptions;
  readonly #rate: MessageRate;
  #state: ConnectionState;
  #dialect: Dialect | undefined;
  /** Until when nothing is read. */
  #held: Disposable | undefined;
  /** Undefined while nothing is being done. */
  #busy: Promise<void> | undefined;
  /** Whose it is, or was when it was closed. */
  #identity: Identity | undefined;
  #why = 'closed by the client';

  constructor(parts: ConnectionParts, line: SocketLine, address: string) {
    const now = parts.clock.now();
    this.#parts = parts;
    this.#line = line;
    this.address = address;
    this.openedAt = now;
    this.#state = newConnection(now);
    this.#rate = new MessageRate(parts.rate, now);
    this.#subscriptions = createSubscriptions(line, parts.channels, (channel, reason) =>
      this.#ended(channel, reason),
    );
  }

  /** The first words, and the channel that everybody hears. */
  begin(global: Channel): void {
    const { heartbeatInterval, checkMs, host } = this.#parts;
    const welcome = { connectionId: this.id, at: this.openedAt, channels: CHANNELS, heartbeatInterval };
    this.#line.send(renderWelcome(welcome));
    host.watch(this, this.openedAt + checkMs);
    this.#hear(global, 'live', 'both').catch((error: unknown) => host.failed(this, error));
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get channels(): ReadonlySet<string> {
    return this.#state.channels;
  }

  get heardAt(): number {
    return this.#state.heardAt;
  }

  text(text: string): void | Promise<void> {
    const now = this.#parts.clock.now();
    this.messages++;
    // At its arrival, also if it waits: who speaks is not silent because it is not answered.
    void this.#do({ kind: 'heard', now });
    const verdict = this.#verdict(now);
    this.#hold(now);
    const done =
      this.#busy === undefined ? this.#take(text, verdict) : this.#busy.then(() => this.#take(text, verdict));
    if (done === undefined) return;
    const busy = done.finally(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    this.#busy = busy;
    return busy;
  }

  closed(): void {
    void this.#do({ kind: 'closed' });
  }

  /** Looks at how long it has been silent, and whether its credential still counts. */
  look(now: number): number | undefined {
    this.#tick(now);
    const { phase } = this.#state;
    if (phase.kind === 'closed') return undefined;
    const { checkMs } = this.#parts;
    const until = phase.kind === 'expired' ? phase.until : this.#validUntil();
    return Math.max(now + 1, Math.min(now + checkMs, until));
  }

  /** What a user may no longer hear ends at once. */
  revoke(channel: string): void {
    if (!this.#state.channels.has(channel)) return;
    this.#subscriptions.end(channel);
    this.#left(channel);
  }

  #verdict(now: number): Verdict {
    const own = this.#rate.count(now);
    const { identity } = this;
    if (own.kind !== 'taken' || identity === undefined) return own;
    const shared = this.#parts.host.count(identity, now);
    // Others of the same user may be the flood: it ends those, not this one.
    return shared.kind === 'flood' ? { kind: 'limited', retryAfter: 1 } : shared;
  }

  /** Of a flood no more is read than shows that it is one: others have a server, too. */
  #hold(now: number): void {
    const ms = this.#rate.hold(now);
    if (ms === 0 || this.#held !== undefined || this.#state.phase.kind === 'closed') return;
    this.#line.pause();
    this.#held = this.#parts.clock.after(ms, () => {
      this.#held = undefined;
      this.#line.resume();
    });
  }

  #take(text: string, verdict: Verdict): Promise<void> | undefined {
    const { clock, limits } = this.#parts;
    const now = clock.now();
    this.#tick(now);
    const message = readMessage(text, this.#dialect ?? 'flat', limits);
    this.#dialect = message.request.dialect;
    return this.#do({ kind: 'message', message, verdict, now });
  }

  #tick(now: number): void {
    const { identity } = this;
    const standing = identity === undefined ? undefined : this.#parts.standings.standing(identity.principal);
    void this.#do({ kind: 'tick', now, standing });
  }

  #validUntil(): number {
    const { identity } = this;
    const standing = identity === undefined ? undefined : this.#parts.standings.standing(identity.principal);
    return standing?.kind === 'valid' ? standing.until : Number.POSITIVE_INFINITY;
  }

  /** Takes a step, and does what follows from it. A promise if that takes time. */
  #do(input: Input): Promise<void> | undefined {
    const { state, effects } = step(this.#state, input, this.#parts.rules);
    this.#state = state;
    this.#identity = identityOf(state) ?? this.#identity;
    let last: Promise<void> | undefined;
    for (const effect of effects) {
      const done = this.#perform(effect);
      if (done !== undefined) last = done;
    }
    return last;
  }

  #perform(effect: Effect): Promise<void> | undefined {
    switch (effect.do) {
      case 'answer':
        this.#answer(effect.answer, effect.to);
        return;
      case 'verify':
        return this.#verify(effect);
      case 'join':
        return this.#guarded(effect.request, () => this.#join(effect));
      case 'leave':
        for (const channel of effect.channels) this.#subscriptions.end(channel);
        this.#parts.host.changed(this, 'changed');
        return;
      case 'broadcast': {
        const { identity, channel, event } = effect;
        return this.#guarded(effect.request, async () => {
          const sent = await this.#parts.publish.broadcast(identity, channel, event);
          this.#answer(sent.kind === 'sent' ? { ...sent, kind: 'broadcast', channel } : sent, effect.request);
        });
      }
      case 'sync': {
        const { identity, messages } = effect;
        return this.#guarded(effect.request, async () => {
          const answer = await this.#parts.publish.sync(identity, messages);
          this.#answer(answer, effect.request);
        });
      }
      case 'close':
        this.#why = effect.reason;
        this.#line.close(effect.code, effect.reason);
        return;
      case 'clean':
        this.#held?.[Symbol.dispose]();
        this.#subscriptions[Symbol.dispose]();
        this.#parts.host.cleaned(this, this.#why);
        return;
    }
  }

  async #verify({ token, userId, device }: Extract<Effect, { do: 'verify' }>): Promise<void> {
    const { identify, host } = this.#parts;
    const found = await identify({ token, userId, address: this.address });
    if ('code' in found) {
      void this.#do({ kind: 'refused', answer: found });
      return;
    }
    const known = this.identity;
    const same = known === undefined || (known.tenant === found.tenant && known.user === found.user);
    if (same && this.#state.phase.kind === 'verifying' && !host.bound(this, found)) {
      void this.#do({ kind: 'refused', answer: TOO_MANY });
      return;
    }
    if (same && device !== undefined) this.device = device;
    void this.#do({ kind: 'verified', identity: found, connectionId: this.id });
    if (this.#state.phase.kind === 'closed') return;
    host.watch(this, Math.min(this.#parts.clock.now() + this.#parts.checkMs, this.#validUntil()));
    host.changed(this, known === undefined ? 'connected' : 'changed');
  }

  async #join({ identity, channels, after, request }: Extract<Effect, { do: 'join' }>): Promise<void> {
    if (!allows(identity.principal, 'contexts:read')) {
      this.#answer(errorAnswer('unauthorized', 'The token lacks the scope contexts:read.'), request);
      return;
    }
    const found: { readonly channel: Channel; readonly beginning: Beginning; readonly begins: boolean }[] =
      [];
    const missing: string[] = [];
    for (const name of channels) {
      const channel = await this.#parts.channels.open(identity, name);
      if (channel === undefined) {
        missing.push(name);
        continue;
      }
      const number = after.get(name);
      const begins = number !== undefined || !this.#subscriptions.has(name);
      found.push({ channel, beginning: beginningOf(channel, number), begins });
    }
    if (this.#state.phase.kind === 'closed') return;
    const names = found.map(({ channel }) => channel.name);
    if (names.length > 0) {
      // Said before the first event, and each begins where it says.
      this.#answer(
        {
          kind: 'subscribed',
          channels: names,
          at: this.#parts.clock.now(),
          positions: Object.fromEntries(
            found.map(({ channel, beginning }) => [channel.name, beginning.receipt]),
          ),
        },
        request,
      );
      void this.#do({ kind: 'joined', channels: names });
    }
    if (missing.length > 0) {
      const text = `There is no such channel: ${missing.map((name) => name.slice(0, 64)).join(', ')}.`;
      this.#answer(errorAnswer('channel_not_found', text, { channels: missing }), request);
    }
    const form = this.#dialect ?? 'flat';
    for (const { channel, beginning, begins } of found) {
      const { name } = channel;
      // From here on `revoke` ends it; who was dismissed before it had joined is found out by looking again.
      if (
        parseChannel(name)?.kind === 'team' &&
        (await this.#parts.channels.find(identity, name)) === undefined
      )
        this.revoke(name);
      if (begins && this.#state.channels.has(name)) await this.#hear(channel, beginning.from, form);
    }
    this.#parts.host.changed(this, 'changed');
  }

  async #hear(channel: Channel, from: Beginning['from'] | 'live', form: UpdateForm): Promise<void> {
    if (!(await this.#subscriptions.begin(channel, from, form))) this.#ended(channel.name, 'deleted');
  }

  #ended(channel: string, reason: EndReason): void {
    // A server that goes away says so by closing the connection.
    if (reason !== 'draining') this.#left(channel);
  }

  #left(channel: string): void {
    if (!this.#state.channels.has(channel)) return;
    void this.#do({ kind: 'left', channel });
    this.#answer(
      errorAnswer('channel_not_found', `The channel ${channel} has ended.`, { channels: [channel] }),
      undefined,
    );
    this.#parts.host.changed(this, 'changed');
  }

  /** What fails is answered, and the connection goes on. */
  async #guarded(request: Request, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof PlayheadError)) this.#parts.host.failed(this, error);
      this.#answer(failure(error), request);
    }
  }

  #answer(answer: Answer, to: Request | undefined): void {
    this.#line.send(renderAnswer(answer, to));
  }
}

const TOO_MANY = errorAnswer('rate_limited', 'The user has as many connections as it may.', {
  retryAfter: 30,
});

function failure(error: unknown): Answer {
  const code: ProblemCode = error instanceof PlayheadError ? error.code : 'internal';
  if (code === 'storage-full')
    return errorAnswer('storage_full', 'The storage is full. Try again later.', { retryAfter: 5 });
  if (error instanceof PlayheadError && code !== 'internal')
    return errorAnswer('invalid_message', error.message);
  return errorAnswer('internal_error', 'The server failed. Its log says why.');
}
