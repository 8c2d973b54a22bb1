import { type RowsOf, row } from './setting-row.ts';
import { duration, integer } from './setting-value.ts';

/** What the contexts' socket bears, and how long. */
export interface ContextsSettings {
  readonly contextsCheckMs: number;
  readonly contextsSilenceMs: number;
  readonly contextsAuthMs: number;
  readonly contextsGraceMs: number;
  readonly contextsMessageRate: number;
  readonly contextsUserRate: number;
  readonly contextsFloodMs: number;
  readonly contextsUserConnections: number;
  readonly contextsAnonymous: number;
  readonly contextsChannels: number;
  readonly contextsIdleMs: number;
}

export const CONTEXTS_ROWS: RowsOf<ContextsSettings> = {
  contextsCheckMs: row(duration(10), 30_000, 'How often a connection of contexts is looked at'),
  contextsSilenceMs: row(duration(10), 60_000, 'How long it may say nothing before it is dropped'),
  contextsAuthMs: row(duration(0), 0, 'How long it may stay without signing in; 0: as long as it likes'),
  contextsGraceMs: row(duration(0), 30_000, 'How long it stays after its token has expired'),
  contextsMessageRate: row(integer(1, 1e6), 50, 'Messages per second of one connection of contexts'),
  contextsUserRate: row(integer(1, 1e6), 200, 'Messages per second of all connections of one user'),
  contextsFloodMs: row(duration(10), 30_000, 'How long ten times as many are borne before it is cut off'),
  contextsUserConnections: row(integer(1, 1e6), 100, 'Connections of one user'),
  contextsAnonymous: row(integer(1, 1e6), 100, 'Connections from one address that have not signed in'),
  contextsChannels: row(integer(1, 10_000), 64, 'Channels of one connection, and of one message'),
  contextsIdleMs: row(duration(10), 60_000, 'How long what is known of an idle user stays in memory'),
};
