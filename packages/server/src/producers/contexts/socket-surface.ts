import { PlayheadError } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { SocketFace } from '../../transports/socket-face.ts';
import { GLOBAL_CHANNEL, GLOBAL_KEY } from './channel-name.ts';
import type { Channel } from './channels.ts';
import { Connection, type ConnectionHost, type ConnectionParts } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Presence } from './presence.ts';
import { TimerWheel } from './timer-wheel.ts';

export interface SurfaceParts extends Omit<ConnectionParts, 'host'> {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly connections: Connections;
  readonly presence: Presence;
}

export interface Surface extends Disposable {
  readonly face: SocketFace;
}

/** How exactly the times of connections are kept, ms: their checks are rarer by far. */
const TICK_MS = 1_000;

const TOO_MANY = 'This address has as many connections without a user as it may.';

/**
 * The documented socket, at `/` and `/ws` (D-25). Anybody may open it, from any Origin, and cookies do not count
 * (D-20): who somebody is is said on it.
 */
export function createSurface(parts: SurfaceParts): Surface {
  const { log, clock, logger, connections, presence, checkMs } = parts;
  const tickMs = Math.max(5, Math.min(TICK_MS, checkMs / 4));
  const wheel = new TimerWheel(clock, tickMs);
  // A key that is taken back ends what was opened with it. Asked once for all connections of a key.
  const sweeping = clock.every(tickMs, () => {
    const now = clock.now();
    for (const [...set] of connections.byCredential()) {
      const [first] = set;
      if (first?.identity === undefined) continue;
      if (parts.standings.standing(first.identity.principal).kind === 'revoked')
        for (const each of set) each.look(now);
    }
  });

  const host: ConnectionHost = {
    bound: (connection, identity) => connections.bind(connection, identity, clock.now()),
    count: (identity, now) => connections.count(identity, now),
    watch: (connection, at) => wheel.put(connection, at),
    changed: (connection, change) => presence.tell(connection, change),
    cleaned(connection, reason) {
      wheel.remove(connection);
      connections.cleaned(connection);
      presence.tell(connection, 'disconnected');
      const { id, identity, address, openedAt, messages, device } = connection;
      logger.info(
        {
          connection_id: id,
          ...(identity === undefined ? {} : { key_id: identity.principal.keyId, tenant: identity.tenant }),
          ...{ address, reason, messages, lasted_ms: clock.now() - openedAt, device: device?.formFactor },
          open: connections.counts.open,
        },
        'a connection of contexts ended',
      );
    },
    failed: (connection, error) =>
      logger.error(
        { err: error, connection_id: connection.id },
        'a message of a connection of contexts failed',
      ),
  };

  const shared: ConnectionParts = { ...parts, host };

  async function globalChannel(): Promise<Channel> {
    const bounds = await log.bounds(GLOBAL_KEY);
    if (bounds === undefined) throw new PlayheadError('internal', 'The global channel is gone.');
    const { latest, epochIndex } = bounds;
    return { key: GLOBAL_KEY, name: GLOBAL_CHANNEL, bounds, epoch: latest.epoch, epochIndex };
  }

  return {
    face: {
      paths: ['/', '/ws'],
      access: 'public',
      cookies: false,
      async admit({ address }) {
        if (!connections.mayOpen(address)) {
          throw new PlayheadError('rate-limited', TOO_MANY, { extensions: { retry_after: 30 } });
        }
        const global = await globalChannel();
        return (line) => {
          // Others may have come while it was let in.
          if (!connections.mayOpen(address)) {
            line.close('rate-limited', TOO_MANY);
            return { text() {}, closed() {} };
          }
          const connection = new Connection(shared, line, address);
          connections.opened(connection);
          connection.begin(global);
          return connection;
        };
      },
    },
    [Symbol.dispose]() {
      wheel[Symbol.dispose]();
      sweeping[Symbol.dispose]();
    },
  };
}
