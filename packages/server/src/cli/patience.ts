import type { Flags, Given } from './command.ts';
import { durationMs } from './duration.ts';

/** `--retry-for`, of every command that outlives its server. */
export function patienceFlag(meaning = 'How long to look for a server that is gone'): Flags {
  return { 'retry-for': { type: 'string', value: 'DURATION', meaning: `${meaning} (default: 5m)` } };
}

/** What it says, ms. */
export function patienceOf(given: Given): number {
  return durationMs(given.text('retry-for') ?? '5m', '--retry-for');
}
