import { hash } from 'node:crypto';
import { jsonLine } from '@playhead/protocol';
import { channelIdOf, type UserChannel } from './channel-name.ts';
import type { Json } from './json-value.ts';
import type { Origin } from './source-event.ts';

/** One event of one of a user's channels, as it is stored there. */
export interface Derived {
  readonly channel: UserChannel;
  /** The kind of its payload. */
  readonly type: string;
  /** The documented event, as JSON on one line. */
  readonly data: string;
}

export interface Payload {
  readonly kind: string;
  readonly data?: Json;
  readonly context?: Json;
}

/** Writes the events of one user. */
export interface EventWriter {
  /** The number of the source event is in the id: so the stream it comes from can be searched by halves. */
  write(number: number, index: number, event: EventBody): string;
}

export interface EventBody {
  /** ms since 1970. */
  readonly at: number;
  readonly source: Json;
  readonly payload: Payload;
}

const ID = /^evt_([0-9a-z]{11})[0-9a-z]{2}[0-9a-f]{8}$/;

export function eventWriter(tenant: string, user: string): EventWriter {
  const channelId = channelIdOf(user);
  // Two users' events have the same numbers, and ids are told apart by all who store them.
  const suffix = hash('sha256', `${tenant}:${user}`, 'hex').slice(0, 8);
  return {
    write(number, index, { at, source, payload }) {
      const id = `evt_${number.toString(36).padStart(11, '0')}${index.toString(36).padStart(2, '0')}${suffix}`;
      return jsonLine({
        id,
        timestamp: new Date(at).toISOString(),
        userId: user,
        channelId,
        source,
        payload,
      });
    },
  };
}

/** The number of the source event that a derived event comes from; undefined if the data are none of this user. */
export function sourceNumberOf(data: string): number | undefined {
  // The id is the first member: whole pages need not be parsed for it.
  const [, number] = ID.exec(data.slice(7, 7 + 25)) ?? [];
  return number === undefined ? undefined : Number.parseInt(number, 36);
}

/** The documented `source` of an event: which device it comes from. */
export function sourceOf({ device, extensionId }: Origin, tabId?: string | number): Json {
  return {
    ...(extensionId === undefined ? {} : { extensionId }),
    ...(device === undefined ? {} : { device: { ...device } }),
    ...(tabId === undefined ? {} : { tabId }),
  };
}
