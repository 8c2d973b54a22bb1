import type { StreamKey } from '../log/stream-key.ts';
import type { Collection, Records } from '../records/records.ts';

/**
 * What is known of a session that runs, so that the next start can settle what a crash left behind. It exists
 * from before the stream until after the ending was written.
 */
export interface SessionRecord {
  readonly kind: string;
  readonly key: StreamKey;
  /** ms since 1970. */
  readonly openedAt: number;
  /** What goes on without the server, e.g. the identity of a process, in its producer's own shape; null: nothing. */
  readonly remains: unknown;
}

/** The sessions that run, or ran when the server was last heard of. */
export function runningSessions(records: Records): Collection<SessionRecord> {
  return records.collection('sessions');
}

/** The id of a session's record. Those of one kind are listed by the prefix `kind/`. */
export function sessionRecordId(kind: string, key: StreamKey): string {
  return `${kind}/${key}`;
}
