import type { Bounds, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';

/**
 * A stream that somebody waits at is in use: its sliding time to live begins anew, long before it is over, for as long
 * as this is not disposed.
 */
export function keepAlive(log: EventLog, clock: Clock, key: StreamKey, { ttl, latest }: Bounds): Disposable {
  if (ttl === undefined) return { [Symbol.dispose]() {} };
  return clock.every(Math.max(50, ttl / 3), () => {
    log.read(key, latest, { events: 1, bytes: 1 }).catch(() => undefined);
  });
}
