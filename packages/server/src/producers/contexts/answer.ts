import type { Request } from './client-message.ts';

/** The documented codes of errors, and `connection_error`, which a connection is told before it is dropped. */
export type ErrorCode =
  | 'invalid_message'
  | 'unauthorized'
  | 'channel_not_found'
  | 'rate_limited'
  | 'storage_full'
  | 'connection_error'
  | 'internal_error';

/** What the server says to one client, besides the events of channels. */
export type Answer =
  | { readonly kind: 'authenticated'; readonly userId: string; readonly connectionId: string }
  | {
      readonly kind: 'subscribed';
      readonly channels: readonly string[];
      readonly at: number;
      readonly positions: Readonly<Record<string, ChannelReceipt>>;
    }
  | { readonly kind: 'unsubscribed'; readonly channels: readonly string[]; readonly at: number }
  | {
      readonly kind: 'broadcast';
      readonly channel: string;
      readonly delivered: number;
      readonly sequenceNumber: number;
    }
  | { readonly kind: 'synced'; readonly results: readonly unknown[] }
  | { readonly kind: 'heartbeat'; readonly at: number }
  | ErrorAnswer;

export interface ErrorAnswer {
  readonly kind: 'error';
  readonly code: ErrorCode;
  readonly message: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** Those that the error is about. */
  readonly channels?: readonly string[];
}

/** What a subscriber gets of a channel (D-8), in sequence numbers. */
export interface ChannelReceipt {
  /** Events behind it follow. */
  readonly from: number;
  readonly latest: number;
  /** Events behind what was asked for are not retained, or not of this history. */
  readonly truncated: boolean;
}

/** What a client needs to know before it says anything. The dialect is not known yet: all of it stands twice (D-27). */
export interface Welcome {
  readonly connectionId: string;
  readonly at: number;
  readonly channels: readonly string[];
  /** How often a client should say something, ms. */
  readonly heartbeatInterval: number;
}

export function renderWelcome({ at, ...rest }: Welcome): string {
  const time = new Date(at).toISOString();
  const data = { ...rest, timestamp: time, serverTime: time };
  return JSON.stringify({ type: 'welcome', ...data, data });
}

/** An answer as its client expects it. `to`: what it answers; without it the server speaks by itself. */
export function renderAnswer(answer: Answer, to: Request | undefined): string {
  const { type, ...members } = membersOf(answer);
  if (to === undefined) {
    // Nothing asks for it, so nothing shows which dialect is expected.
    return JSON.stringify({ type, ...members, data: members });
  }
  if (to.dialect === 'flat') return JSON.stringify({ type, ...members, requestId: to.id });
  const success = answer.kind !== 'error';
  const name = to.type === 'error' ? 'error' : `${to.type}_response`;
  return JSON.stringify({
    type: name,
    id: to.id,
    success,
    ...(success ? { data: members } : { error: members }),
  });
}

interface Members {
  readonly type: string;
  readonly [member: string]: unknown;
}

function membersOf(answer: Answer): Members {
  switch (answer.kind) {
    case 'authenticated':
      return {
        type: 'auth_response',
        success: true,
        userId: answer.userId,
        connectionId: answer.connectionId,
      };
    case 'subscribed':
      return {
        type: 'subscription-confirmed',
        channels: answer.channels,
        subscribedAt: new Date(answer.at).toISOString(),
        positions: answer.positions,
      };
    case 'unsubscribed':
      return {
        type: 'unsubscription-confirmed',
        channels: answer.channels,
        unsubscribedAt: new Date(answer.at).toISOString(),
      };
    case 'broadcast':
      return {
        type: 'broadcast-confirmed',
        channel: answer.channel,
        delivered: answer.delivered,
        sequenceNumber: answer.sequenceNumber,
      };
    case 'synced':
      return { type: 'sync-confirmed', results: answer.results };
    case 'heartbeat':
      return { type: 'heartbeat', timestamp: new Date(answer.at).toISOString() };
    case 'error': {
      const { code, message, retryAfter, channels } = answer;
      return {
        type: 'error',
        ...{ code, message },
        ...(retryAfter === undefined ? {} : { retryAfter }),
        ...(channels === undefined ? {} : { channels }),
      };
    }
  }
}

export function errorAnswer(
  code: ErrorCode,
  message: string,
  more: Pick<ErrorAnswer, 'retryAfter' | 'channels'> = {},
): ErrorAnswer {
  return { kind: 'error', code, message, ...more };
}
