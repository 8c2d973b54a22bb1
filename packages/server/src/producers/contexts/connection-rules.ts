import type { ProblemCode } from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Standing } from '../../access/gate.ts';
import { type Answer, type ErrorAnswer, errorAnswer } from './answer.ts';
import { GLOBAL_CHANNEL } from './channel-name.ts';
import type { ClientMessage, Request } from './client-message.ts';
import type { Verdict } from './message-rate.ts';
import type { BroadcastEvent, Device } from './sync-message.ts';

/**
 * The rules of one connection, without any I/O: what it may do where it stands, and what follows from what happens.
 *
 *             ┌────────────── refused ───────────────┐
 *             ▼                                      │
 *   ──▶ ANONYMOUS ──auth──▶ VERIFYING ──verified──▶ BOUND ──token expires──▶ EXPIRED
 *             │                 ▲  ▲                  │ │                      │ │
 *             │                 │  └───────auth───────┘ │                      │ │
 *             │                 └─────────────auth──────┼──────────────────────┘ │ the grace is over
 *             │ said nothing for too long               │ taken back             │
 *             └────────────────┬────────────────────────┴────────────────────────┘
 *                              ▼         (from everywhere: the client goes, a flood, too long a silence)
 *                            CLOSED: cleaned up once, whatever happens afterwards
 *
 * A connection that was bound once is that user's for good: another token of the same user may follow, nobody else's.
 * While a token is being verified nothing else is decided by what it may turn out to be: a refused one leaves the
 * connection where it was.
 */
export interface ConnectionState {
  readonly phase: Phase;
  /** When the client last said anything at all, ms since 1970. */
  readonly heardAt: number;
  readonly openedAt: number;
  /** What it hears. */
  readonly channels: ReadonlySet<string>;
}

export type Phase =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'verifying'; readonly request: Request; readonly before: Settled }
  | Settled
  | { readonly kind: 'closed' };

/** Where a connection is when nothing is being verified. */
type Settled =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'bound'; readonly identity: Identity }
  | { readonly kind: 'expired'; readonly identity: Identity; readonly until: number };

/** Who a connection belongs to. */
export interface Identity {
  readonly principal: Principal;
  readonly tenant: string;
  readonly user: string;
}

export interface RuleSettings {
  /** Channels of one connection, without the one that all hear. */
  readonly channels: number;
  /** ms; 0: as long as it likes. */
  readonly authMs: number;
  readonly graceMs: number;
  readonly silenceMs: number;
}

export type Input =
  /** The client said something. What it was may have to wait its turn: then it comes as a message. */
  | { readonly kind: 'heard'; readonly now: number }
  | {
      readonly kind: 'message';
      readonly message: ClientMessage;
      readonly verdict: Verdict;
      readonly now: number;
    }
  | { readonly kind: 'verified'; readonly identity: Identity; readonly connectionId: string }
  | { readonly kind: 'refused'; readonly answer: ErrorAnswer }
  | { readonly kind: 'joined'; readonly channels: readonly string[] }
  /** A channel ended, or is no longer this user's to hear. */
  | { readonly kind: 'left'; readonly channel: string }
  /** Time goes by. `standing`: how the credential stands that it is bound by. */
  | { readonly kind: 'tick'; readonly now: number; readonly standing: Standing | undefined }
  | { readonly kind: 'closed' };

export type Effect =
  /** `to`: what it answers; absent: the server speaks by itself. */
  | { readonly do: 'answer'; readonly to: Request | undefined; readonly answer: Answer }
  | {
      readonly do: 'verify';
      readonly token: string;
      readonly userId: string;
      readonly device: Device | undefined;
    }
  | {
      readonly do: 'join';
      readonly request: Request;
      readonly identity: Identity;
      readonly channels: readonly string[];
      readonly after: ReadonlyMap<string, number>;
    }
  | { readonly do: 'leave'; readonly channels: readonly string[] }
  | {
      readonly do: 'broadcast';
      readonly request: Request;
      readonly identity: Identity;
      readonly channel: string;
      readonly event: BroadcastEvent;
    }
  | {
      readonly do: 'sync';
      readonly request: Request;
      readonly identity: Identity;
      readonly messages: readonly unknown[];
    }
  | { readonly do: 'close'; readonly code: ProblemCode; readonly reason: string }
  | { readonly do: 'clean' };

export interface Stepped {
  readonly state: ConnectionState;
  readonly effects: readonly Effect[];
}

export function newConnection(now: number): ConnectionState {
  return { phase: { kind: 'anonymous' }, heardAt: now, openedAt: now, channels: new Set([GLOBAL_CHANNEL]) };
}

/** Whom a connection is bound to, also while its token has expired or another is being verified. */
export function identityOf({ phase }: ConnectionState): Identity | undefined {
  const settled = phase.kind === 'verifying' ? phase.before : phase;
  return settled.kind === 'bound' || settled.kind === 'expired' ? settled.identity : undefined;
}

export function step(state: ConnectionState, input: Input, rules: RuleSettings): Stepped {
  if (state.phase.kind === 'closed') return { state, effects: [] };
  switch (input.kind) {
    case 'heard':
      return { state: { ...state, heardAt: input.now }, effects: [] };
    case 'message':
      return hear({ ...state, heardAt: input.now }, input, rules);
    case 'verified':
      return verified(state, input);
    case 'refused':
      return refused(state, input.answer);
    case 'joined':
      return { state: { ...state, channels: new Set([...state.channels, ...input.channels]) }, effects: [] };
    case 'left':
      return { state: without(state, [input.channel]), effects: [] };
    case 'tick':
      return tick(state, input, rules);
    case 'closed':
      return closed(state, []);
  }
}

type Heard = Extract<Input, { kind: 'message' }>;

function hear(state: ConnectionState, { message, verdict }: Heard, rules: RuleSettings): Stepped {
  const { request } = message;
  switch (verdict.kind) {
    case 'flood': {
      const text = 'Too many messages for too long. Reconnect later.';
      return closed(state, [answer(errorAnswer('rate_limited', text), request), close('rate-limited', text)]);
    }
    case 'limited':
      return said(
        state,
        request,
        errorAnswer('rate_limited', 'Too many messages: slow down.', { retryAfter: verdict.retryAfter }),
      );
    case 'taken':
  }
  switch (message.kind) {
    case 'malformed':
      return said(state, request, errorAnswer('invalid_message', message.problem));
    case 'heartbeat':
      return said(state, request, { kind: 'heartbeat', at: state.heardAt });
    case 'auth': {
      const { phase } = state;
      if (phase.kind === 'closed' || phase.kind === 'verifying') return said(state, request, BUSY);
      const { token, userId, device } = message;
      return {
        state: { ...state, phase: { kind: 'verifying', request, before: phase } },
        effects: [{ do: 'verify', token, userId, device }],
      };
    }
    default:
      return state.phase.kind === 'bound'
        ? ask(state, message, state.phase.identity, rules)
        : said(state, request, state.phase.kind === 'expired' ? EXPIRED : UNAUTHORIZED);
  }
}

type Asked = Extract<ClientMessage, { kind: 'subscribe' | 'unsubscribe' | 'broadcast' | 'sync' }>;

function ask(state: ConnectionState, message: Asked, identity: Identity, rules: RuleSettings): Stepped {
  const { request } = message;
  switch (message.kind) {
    case 'subscribe': {
      const { channels, after } = message;
      const all = new Set([...state.channels, ...channels]);
      all.delete(GLOBAL_CHANNEL);
      if (all.size > rules.channels) {
        const text = `A connection has at most ${rules.channels} channels.`;
        return said(state, request, errorAnswer('invalid_message', text));
      }
      return { state, effects: [{ do: 'join', request, identity, channels, after }] };
    }
    case 'unsubscribe': {
      const channels = message.channels.filter((channel) => state.channels.has(channel));
      return {
        state: without(state, channels),
        effects: [
          { do: 'leave', channels },
          answer({ kind: 'unsubscribed', channels, at: state.heardAt }, request),
        ],
      };
    }
    case 'broadcast': {
      const { channel, event } = message;
      return { state, effects: [{ do: 'broadcast', request, identity, channel, event }] };
    }
    case 'sync':
      return { state, effects: [{ do: 'sync', request, identity, messages: message.messages }] };
  }
}

function verified(
  state: ConnectionState,
  { identity, connectionId }: Extract<Input, { kind: 'verified' }>,
): Stepped {
  const { phase } = state;
  // Nobody waits for it: the connection did not ask, or no longer.
  if (phase.kind !== 'verifying') return { state, effects: [] };
  const known = phase.before.kind === 'anonymous' ? undefined : phase.before.identity;
  if (known !== undefined && (known.tenant !== identity.tenant || known.user !== identity.user))
    return refused(state, OTHER_USER);
  return said({ ...state, phase: { kind: 'bound', identity } }, phase.request, {
    ...{ kind: 'authenticated', userId: identity.user, connectionId },
  });
}

function refused(state: ConnectionState, why: ErrorAnswer): Stepped {
  const { phase } = state;
  if (phase.kind !== 'verifying') return { state, effects: [] };
  return said({ ...state, phase: phase.before }, phase.request, why);
}

function tick(
  state: ConnectionState,
  { now, standing }: Extract<Input, { kind: 'tick' }>,
  rules: RuleSettings,
): Stepped {
  if (now - state.heardAt >= rules.silenceMs) {
    const text = `Nothing was heard for ${rules.silenceMs / 1_000} s.`;
    return closed(state, [answer(errorAnswer('connection_error', text)), close('timed-out', text)]);
  }
  const { phase } = state;
  const settled = phase.kind === 'verifying' ? phase.before : phase;
  switch (settled.kind) {
    case 'anonymous':
      return rules.authMs > 0 && now - state.openedAt >= rules.authMs && phase.kind !== 'verifying'
        ? ended(state, 'Nobody has signed in on this connection.')
        : { state, effects: [] };
    case 'bound':
    case 'expired':
      if (standing?.kind === 'revoked') return ended(state, 'The credential was taken back.');
      if (phase.kind === 'verifying') return { state, effects: [] };
      if (settled.kind === 'expired') {
        return now >= settled.until ? ended(state, 'The token has expired.') : { state, effects: [] };
      }
      if (standing?.kind !== 'expired') return { state, effects: [] };
      return {
        state: {
          ...state,
          phase: { kind: 'expired', identity: settled.identity, until: now + rules.graceMs },
        },
        effects: [answer(EXPIRED)],
      };
    case 'closed':
      return { state, effects: [] };
  }
}

function ended(state: ConnectionState, text: string): Stepped {
  return closed(state, [answer(errorAnswer('unauthorized', text)), close('unauthenticated', text)]);
}

function closed(state: ConnectionState, last: readonly Effect[]): Stepped {
  return {
    state: { ...state, phase: { kind: 'closed' }, channels: new Set() },
    effects: [...last, { do: 'clean' }],
  };
}

function said(state: ConnectionState, request: Request, what: Answer): Stepped {
  return { state, effects: [answer(what, request)] };
}

function answer(what: Answer, to?: Request): Effect {
  return { do: 'answer', to, answer: what };
}

function close(code: ProblemCode, reason: string): Effect {
  return { do: 'close', code, reason };
}

function without(state: ConnectionState, channels: readonly string[]): ConnectionState {
  const rest = new Set(state.channels);
  for (const channel of channels) rest.delete(channel);
  return { ...state, channels: rest };
}

const UNAUTHORIZED = errorAnswer('unauthorized', 'Send auth first, with a token and a user.');
const EXPIRED = errorAnswer('unauthorized', 'The token has expired: send auth with another.');
const OTHER_USER = errorAnswer('unauthorized', 'This connection belongs to another user: open a new one.');
const BUSY = errorAnswer('unauthorized', 'Another token is being verified.');
