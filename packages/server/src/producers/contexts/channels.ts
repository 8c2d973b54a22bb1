import type { Position } from '@playhead/protocol';
import type { Bounds, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import type { ChannelReceipt } from './answer.ts';
import { GLOBAL_KEY, parseChannel, teamKey, userChannelKey } from './channel-name.ts';
import type { Feeds } from './feeds.ts';
import { readNumber, sequenceNumber } from './sequence-number.ts';
import { type ToldChannel, type UpdateForm, updateRendering } from './state-update.ts';
import type { Teams } from './teams.ts';

/** A channel that somebody may hear, as it is now. */
export interface Channel extends ToldChannel {
  readonly key: StreamKey;
  readonly bounds: Bounds;
}

/** Who wants to hear. */
export interface Hearer {
  readonly tenant: string;
  readonly user: string;
}

export interface Channels {
  /** The channel that a user names so; undefined where there is none, or none for this user: that looks the same. */
  find(who: Hearer, name: string): Promise<Channel | undefined>;
  /**
   * The same for whoever is about to listen: its streams are made if they are not there yet, and what was stored before
   * the call is in it, so that nobody hears as new what was answered before it listened.
   */
  open(who: Hearer, name: string): Promise<Channel | undefined>;
  /**
   * How the channel's events look: the same object for all who hear it in that form at the same time, so that what is
   * rendered is shared. Disposing gives it back.
   */
  rendering(channel: Channel, form: UpdateForm): SharedRendering;
}

export interface SharedRendering extends Disposable {
  readonly rendering: SocketRendering;
}

/** How long a listener waits for that, ms. */
const SETTLE_MS = 1_000;

export interface ChannelParts {
  readonly log: EventLog;
  readonly feeds: Feeds;
  readonly teams: Teams;
}

export function createChannels({ log, feeds, teams }: ChannelParts): Channels {
  const shared = new Map<string, { readonly rendering: SocketRendering; uses: number }>();

  async function keyOf({ tenant, user }: Hearer, name: string): Promise<StreamKey | undefined> {
    const parsed = parseChannel(name);
    switch (parsed?.kind) {
      case undefined:
        return undefined;
      case 'global':
        return GLOBAL_KEY;
      case 'user':
        return userChannelKey(tenant, user, parsed.channel);
      case 'team':
        return (await teams.isMember(tenant, parsed.team, user)) ? teamKey(tenant, parsed.team) : undefined;
    }
  }

  async function find(who: Hearer, name: string): Promise<Channel | undefined> {
    const key = await keyOf(who, name);
    const bounds = key === undefined ? undefined : await log.bounds(key);
    if (key === undefined || bounds === undefined) return undefined;
    return { key, name, bounds, epoch: bounds.latest.epoch, epochIndex: bounds.epochIndex };
  }

  return {
    find,
    async open(who, name) {
      if (parseChannel(name)?.kind === 'user')
        await feeds.use(who.tenant, who.user, (feed) => feed.settled(SETTLE_MS));
      return find(who, name);
    },
    rendering(channel, form) {
      const id = `${channel.key} ${channel.epoch} ${form}`;
      let known = shared.get(id);
      if (known === undefined) {
        known = { rendering: updateRendering(channel, form), uses: 0 };
        shared.set(id, known);
      }
      known.uses++;
      let given = true;
      const used = known;
      return {
        rendering: used.rendering,
        [Symbol.dispose]() {
          if (given && --used.uses === 0) shared.delete(id);
          given = false;
        },
      };
    },
  };
}

/** Where to begin in a channel, and what to tell of it. */
export interface Beginning {
  readonly from: Position;
  readonly receipt: ChannelReceipt;
}

/**
 * Where somebody goes on who names the last number that it saw, or nothing. A number from an older epoch, from before
 * what is retained, or from ahead of it cannot be gone on from: then everything that is retained of the current history
 * follows, and `truncated` says so (D-3).
 */
export function beginningOf({ bounds, epochIndex, epoch }: Channel, after: number | undefined): Beginning {
  const { start, latest } = bounds;
  const oldest = start.epoch === epoch ? start.offset : 0;
  const number = (offset: number): number => sequenceNumber(epochIndex, offset);
  const from = (offset: number, truncated: boolean): Beginning => ({
    from: { epoch, offset },
    receipt: { from: number(offset), latest: number(latest.offset), truncated },
  });
  if (after === undefined) return from(latest.offset, false);
  const { epochIndex: index, offset } = readNumber(after);
  const known = index === epochIndex && offset >= oldest && offset <= latest.offset;
  return known ? from(offset, false) : from(oldest, true);
}

/** The first of everybody's channels, made by the server itself. */
export async function openGlobalChannel(log: EventLog): Promise<void> {
  await log.create(GLOBAL_KEY, { retention: { maxAge: null } });
}
