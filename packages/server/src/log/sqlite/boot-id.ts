import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** What names this run of the machine: it changes if and only if the machine was started anew. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux: the time of the start, to the minute, since it is the difference of two clocks.
    return `start-${Math.round((Date.now() - uptime() * 1000) / 60_000)}`;
  }
}
