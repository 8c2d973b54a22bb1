import type { EventLog } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { openSqliteLog } from '../log/sqlite/sqlite-log.ts';
import { tieredLog } from '../log/tiered.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Settings } from '../runtime/settings.ts';

/** The log on the engine that the settings name; what is volatile is in memory in any case (D-1). */
export async function openLog(settings: Settings, clock: Clock): Promise<EventLog> {
  const retention = {
    maxAge: settings.retentionAgeMs,
    maxBytes: settings.retentionStreamBytes,
  };
  if (settings.log === 'memory')
    return createMemoryLog({ clock, retention, maxBytes: settings.retentionTotalBytes });
  const durable = await openSqliteLog({
    folder: settings.data,
    sync: settings.sync,
    clock,
    retention,
    totalBytes: settings.retentionTotalBytes,
    ...(settings.capacity === undefined ? {} : { capacity: settings.capacity }),
  });
  return tieredLog(durable, createMemoryLog({ clock, durability: 'volatile', proof: false }));
}
