import { jsonLine } from '@playhead/protocol';
import { nameSegment } from '../../log/name-segment.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Logger } from '../../runtime/logger.ts';
import { KIND } from './channel-name.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Device } from './sync-message.ts';

/** What changed about who is connected. */
export type PresenceChange = 'connected' | 'changed' | 'disconnected';

/** Who is connected, with which devices, on which channels; and an event for each change, for whoever watches. */
export interface Presence {
  of(tenant: string, user: string): PresenceView;
  /** Users who hear a channel, with how many connections each. */
  hearing(
    tenant: string,
    user: string,
    channel: string,
  ): readonly { readonly userId: string; readonly connections: number }[];
  tell(connection: Connection, change: PresenceChange): void;
  /** A device that is no connection, such as a computer, comes or goes. */
  device(tenant: string, user: string, device: Device & { readonly id: string }, present: boolean): void;
  /** The stream of a user's changes, made if nobody watched before. */
  watch(tenant: string, user: string): Promise<StreamKey>;
}

export interface PresenceView {
  readonly userId: string;
  readonly connected: boolean;
  readonly connections: readonly ConnectionView[];
  /** Each once, connected or present otherwise. */
  readonly devices: readonly Device[];
}

interface ConnectionView {
  readonly connectionId: string;
  readonly device: Device | null;
  readonly connectedAt: string;
  readonly lastHeardAt: string;
  readonly channels: readonly string[];
}

export interface PresenceParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly logger: Logger;
  readonly connections: Connections;
}

/** A stream that nobody reads and nothing is told on is forgotten after so long. */
const TTL_MS = 600_000;

export function createPresence({ log, hub, logger, connections }: PresenceParts): Presence {
  /** Streams that somebody watched: of the others nothing is written. They live no longer than this process. */
  const watched = new Set<StreamKey>();
  const devices = new Map<string, Map<string, Device>>();

  const keyOf = (tenant: string, user: string): StreamKey =>
    streamKey(tenant, `${KIND}/${nameSegment(user)}/presence`);

  function append(tenant: string, user: string, data: object): void {
    const key = keyOf(tenant, user);
    if (!watched.has(key)) return;
    hub.append(key, [{ type: 'presence', data: jsonLine(data) }]).then(
      ({ kind }) => {
        if (kind !== 'appended') watched.delete(key);
      },
      (error: unknown) => logger.warn({ error }, 'a change of presence was not told'),
    );
  }

  function devicesOf(tenant: string, user: string): readonly Device[] {
    const own = connections.of(tenant, user).flatMap(({ device }) => (device === undefined ? [] : [device]));
    const named = new Map<string, Device>();
    const rest: Device[] = [];
    for (const device of [...own, ...(devices.get(`${tenant}:${user}`)?.values() ?? [])]) {
      if (device.id === undefined) rest.push(device);
      else named.set(device.id, device);
    }
    return [...named.values(), ...rest];
  }

  return {
    of(tenant, user) {
      const found = connections.of(tenant, user);
      return {
        userId: user,
        connected: found.length > 0,
        connections: found.map(viewOf),
        devices: devicesOf(tenant, user),
      };
    },
    hearing(tenant, user, channel) {
      const counts = new Map<string, number>();
      for (const { identity } of connections.hearing(tenant, user, channel)) {
        if (identity?.tenant === tenant) counts.set(identity.user, (counts.get(identity.user) ?? 0) + 1);
      }
      return [...counts].map(([userId, count]) => ({ userId, connections: count }));
    },
    tell(connection, change) {
      const { identity } = connection;
      if (identity === undefined) return;
      const { tenant, user } = identity;
      const count = connections.of(tenant, user).length;
      append(tenant, user, { change, ...viewOf(connection), connections: count });
    },
    device(tenant, user, device, present) {
      const key = `${tenant}:${user}`;
      const known = devices.get(key) ?? new Map<string, Device>();
      if (present) devices.set(key, known.set(device.id, device));
      else if (known.delete(device.id) && known.size === 0) devices.delete(key);
      append(tenant, user, { change: present ? 'connected' : 'disconnected', device });
    },
    async watch(tenant, user) {
      const key = keyOf(tenant, user);
      await log.create(key, { durability: 'volatile', ttl: TTL_MS });
      watched.add(key);
      return key;
    },
  };
}

function viewOf({ id, device, openedAt, heardAt, channels }: Connection): ConnectionView {
  return {
    connectionId: id,
    device: device ?? null,
    connectedAt: new Date(openedAt).toISOString(),
    lastHeardAt: new Date(heardAt).toISOString(),
    channels: [...channels],
  };
}
