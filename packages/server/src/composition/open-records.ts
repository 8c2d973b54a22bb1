import { memoryRecords } from '../records/memory/memory-records.ts';
import type { Records } from '../records/records.ts';
import { sqliteRecords } from '../records/sqlite/sqlite-records.ts';
import type { Settings } from '../runtime/settings.ts';
import { join } from 'node:path';

/** Beside the log, or in memory with it. */
export function openRecords(settings: Settings): Records {
  return settings.log === 'memory' ? memoryRecords() : sqliteRecords(join(settings.data, 'records.db'));
}
