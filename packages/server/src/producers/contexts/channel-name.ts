import { type StreamKey, SERVER_TENANT, streamKey } from '../../log/stream-key.ts';
import { nameSegment } from '../../log/name-segment.ts';

/** First segment of the names of this producer's streams. */
export const KIND = 'contexts';

/** The channels that each user has. */
export const USER_CHANNELS = ['user-contexts', 'current-context', 'tab-events'] as const;

export type UserChannel = (typeof USER_CHANNELS)[number];

/** The channel of the whole server, which hears no client. */
export const GLOBAL_CHANNEL = 'global-events';

/** The documented channels (CX-5). */
export const CHANNELS: readonly string[] = [...USER_CHANNELS, GLOBAL_CHANNEL];

/** A channel as a client names it. */
export type ChannelName =
  | { readonly kind: 'user'; readonly channel: UserChannel }
  | { readonly kind: 'global' }
  | { readonly kind: 'team'; readonly team: string };

const TEAM = /^team:([A-Za-z0-9_-]{1,64})$/;

/** What a text names; undefined for what can be no channel. Whether a team exists is not known here. */
export function parseChannel(text: string): ChannelName | undefined {
  if (text === GLOBAL_CHANNEL) return { kind: 'global' };
  const channel = USER_CHANNELS.find((each) => each === text);
  if (channel !== undefined) return { kind: 'user', channel };
  const [, team] = TEAM.exec(text) ?? [];
  return team === undefined ? undefined : { kind: 'team', team };
}

/** Where all that a user's devices say is kept; the channels are derived from it. */
export function sourceKey(tenant: string, user: string): StreamKey {
  return streamKey(tenant, `${KIND}/${nameSegment(user)}/source`);
}

export function userChannelKey(tenant: string, user: string, channel: UserChannel): StreamKey {
  return streamKey(tenant, `${KIND}/${nameSegment(user)}/${channel}`);
}

/** No user's segment begins with a `~` that no digits follow, so no user can be named like this. */
export function teamKey(tenant: string, team: string): StreamKey {
  return streamKey(tenant, `${KIND}/~team/${team}`);
}

/** D-16: one stream of the server, in no tenant. */
export const GLOBAL_KEY: StreamKey = streamKey(SERVER_TENANT, `${KIND}/${GLOBAL_CHANNEL}`);

/** How a user's events name the user's channel (CX-11): `user:456` for `user_456`. For display: two users may share it. */
export function channelIdOf(user: string): string {
  return `user:${user.startsWith('user_') && user.length > 5 ? user.slice(5) : user}`;
}
