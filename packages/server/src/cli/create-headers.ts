import type { Flags, Given } from './command.ts';
import { durationMs } from './duration.ts';
import { HEADER } from './durable-stream.ts';
import { usageFailure } from './failure.ts';

/** For commands that make a stream. */
export const CREATE_FLAGS: Flags = {
  ttl: { type: 'string', value: 'DURATION', meaning: 'Delete it when it was not used for so long' },
  'expires-at': { type: 'string', value: 'TIME', meaning: 'Delete it at a time, ISO 8601' },
};

/** What a `PUT` says about how long the new stream lives. */
export function lifetimeHeaders(given: Given): Record<string, string> {
  const [ttl, expires] = [given.text('ttl'), given.text('expires-at')];
  if (ttl !== undefined && expires !== undefined) throw usageFailure('Give --ttl or --expires-at, not both.');
  if (ttl !== undefined) return { [HEADER.ttl]: String(ttlSeconds(ttl)) };
  return expires === undefined ? {} : { [HEADER.expiresAt]: timeOf(expires) };
}

export function ttlSeconds(ttl: string): number {
  return Math.max(1, Math.round(durationMs(ttl, '--ttl') / 1000));
}

function timeOf(text: string): string {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) throw usageFailure(`${text} is not a time such as 2027-01-31T12:00:00Z.`);
  return time.toISOString();
}
