import { randomUUID } from 'node:crypto';
import { PlayheadError } from '@playhead/protocol';
import { allows } from '../../access/principal.ts';
import type { Hub } from '../../hub/hub.ts';
import type { LogEvent } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Answer, type ErrorAnswer, errorAnswer } from './answer.ts';
import { parseChannel } from './channel-name.ts';
import type { Channel, Channels } from './channels.ts';
import type { Identity } from './connection-rules.ts';
import type { Connections } from './connections.ts';
import { sharedEvent } from './shared-event.ts';
import type { Feeds } from './feeds.ts';
import { sequenceNumber } from './sequence-number.ts';
import { sync } from './sync.ts';
import type { BroadcastEvent } from './sync-message.ts';

/** What a client has stored and told, on the socket and over REST alike. */
export interface Publish {
  /** Tells a channel's subscribers (CX-20, CX-21): of a user's channels that user's devices alone (D-16). */
  broadcast(who: Identity, channel: string, event: BroadcastEvent): Promise<Sent | ErrorAnswer>;
  /** Stores what the user's devices saw (CX-27). */
  sync(who: Identity, messages: readonly unknown[]): Promise<Answer>;
}

export interface Sent {
  readonly kind: 'sent';
  /** Connections that hear the channel now. */
  readonly delivered: number;
  readonly sequenceNumber: number;
}

export interface PublishParts {
  readonly hub: Hub;
  readonly feeds: Feeds;
  readonly channels: Channels;
  readonly connections: Connections;
  readonly clock: Clock;
}

export function createPublish({ hub, feeds, channels, connections, clock }: PublishParts): Publish {
  /** A channel that several users share has no one's feed to be derived from: what is said there is appended at once. */
  async function append(channel: Channel, event: LogEvent): Promise<number> {
    const result = await hub.append(channel.key, [event]);
    if (result.kind !== 'appended') throw new PlayheadError('not-found', 'The channel is gone.');
    return result.position.offset;
  }

  async function place(who: Identity, channel: Channel, event: BroadcastEvent): Promise<number> {
    const { tenant, user } = who;
    const parsed = parseChannel(channel.name);
    if (parsed?.kind === 'user') {
      const { payload, source } = event;
      return feeds.use(tenant, user, (feed) =>
        feed.broadcast({
          ...{ kind: 'broadcast', message: `broadcast_${randomUUID()}`, at: clock.now(), from: {} },
          ...{ channel: parsed.channel, payload, ...(source === undefined ? {} : { source }) },
        }),
      );
    }
    return append(
      channel,
      sharedEvent(channel.name, parsed?.kind === 'team' ? user : null, event, clock.now()),
    );
  }

  return {
    async broadcast(who, name, event) {
      const { principal, tenant, user } = who;
      if (!allows(principal, 'contexts:write')) return READ_ONLY;
      const kind = parseChannel(name)?.kind;
      if (kind === 'global' && !allows(principal, 'admin')) return OPERATOR;
      const channel = await channels.open(who, name);
      if (channel === undefined) {
        const text = `There is no such channel: ${name.slice(0, 64)}.`;
        return errorAnswer('channel_not_found', text, { channels: [name] });
      }
      const delivered = connections.hearing(tenant, user, name).length;
      const offset = await place(who, channel, event);
      return { kind: 'sent', delivered, sequenceNumber: sequenceNumber(channel.epochIndex, offset) };
    },
    async sync(who, messages) {
      if (!allows(who.principal, 'contexts:write')) return READ_ONLY;
      const now = clock.now();
      const results = await feeds.use(who.tenant, who.user, (feed) => sync(feed, messages, now));
      return { kind: 'synced', results };
    },
  };
}

const READ_ONLY = errorAnswer('unauthorized', 'The token lacks the scope contexts:write.');
const OPERATOR = errorAnswer('unauthorized', 'Only the operator of the server writes to global-events.');
