import { formatPosition, parsePosition, type Position } from '@playhead/protocol';
import { allows, maySeeStream, type Principal } from '../../../access/principal.ts';
import type { Batch, EventLog } from '../../../log/event-log.ts';
import { nameOf, type StreamKey } from '../../../log/stream-key.ts';
import { presentHits } from '../../../search/present-hits.ts';
import type { Hit, Search, SearchQuery } from '../../../search/search.ts';

/** What somebody may know of what the server's streams hold: only of their own tenant, and what their scopes allow. */
export interface Memory {
  find(query: Omit<SearchQuery, 'tenant' | 'user'>): Promise<readonly Hit[]>;
  /** Events around a position: `before` of them, itself, and `after`. */
  around(stream: StreamKey, position: string, before: number, after: number): Promise<readonly Seen[]>;
  /** The last events of a stream, at most so many. */
  last(stream: StreamKey, count: number): Promise<readonly Seen[]>;
  /** Its first event. */
  first(stream: StreamKey): Promise<Seen | undefined>;
  /** Whether a stream goes on; undefined if there is none. */
  goesOn(stream: StreamKey): Promise<boolean | undefined>;
  now(): number;
}

/** An event, with its data parsed: null if they are bytes or erased. */
export interface Seen {
  readonly stream: StreamKey;
  readonly position: string;
  readonly type: string;
  /** ms since 1970. */
  readonly time: number;
  readonly data: Readonly<Record<string, unknown>> | null;
}

const BYTES = 256 * 1024;

/** Which scope each kind of document needs, if not `streams:read`. */
const SCOPES = {
  command: 'projects:read',
  output: 'projects:read',
  ending: 'projects:read',
  page: 'computers:read',
  console: 'computers:read',
  download: 'computers:read',
  message: 'chats:read',
  context: 'contexts:read',
} as const;

/** Of these a kind alone does not tell whose it is. */
const SHARED_KINDS = ['problem'] as const;

export interface MemoryParts {
  readonly log: EventLog;
  readonly search: Search;
  readonly now: () => number;
}

export function memoryOf({ log, search, now }: MemoryParts, principal: Principal): Memory {
  const { tenant, userId } = principal;
  const every = allows(principal, 'streams:read');
  const allowed = [
    ...Object.entries(SCOPES).flatMap(([kind, scope]) => (every || allows(principal, scope) ? [kind] : [])),
    ...(every ? SHARED_KINDS : []),
  ];
  return {
    async find(query) {
      const kinds = (query.kinds ?? allowed).filter((kind) => allowed.includes(kind));
      if (kinds.length === 0) return [];
      const asked = { ...query, tenant, kinds, ...(userId === null ? {} : { user: userId }) };
      // A key of the whole tenant is not every user's.
      const hits = (await search.find(asked)).filter(({ stream }) => maySeeStream(principal, nameOf(stream)));
      return presentHits(log, hits);
    },
    async around(stream, position, before, after) {
      const at = parsePosition(position);
      if (at === undefined) return [];
      const from = { epoch: at.epoch, offset: Math.max(0, at.offset - 1 - before) };
      return read(log, stream, from, before + 1 + after);
    },
    async last(stream, count) {
      const bounds = await log.bounds(stream);
      if (bounds === undefined) return [];
      const { epoch, offset } = bounds.latest;
      return read(log, stream, { epoch, offset: Math.max(0, offset - count) }, count);
    },
    async first(stream) {
      const bounds = await log.bounds(stream);
      return bounds === undefined ? undefined : (await read(log, stream, bounds.start, 1))[0];
    },
    async goesOn(stream) {
      const bounds = await log.bounds(stream);
      return bounds === undefined ? undefined : !bounds.closed;
    },
    now,
  };
}

async function read(
  log: EventLog,
  stream: StreamKey,
  after: Position,
  events: number,
): Promise<readonly Seen[]> {
  const slice = await log.read(stream, after, { events, bytes: BYTES });
  switch (slice.kind) {
    case 'missing':
      return [];
    case 'lost':
      return read(log, stream, slice.resume, events);
    case 'events':
      return slice.batches.flatMap((batch) => seenIn(stream, batch));
  }
}

function seenIn(stream: StreamKey, { epoch, first, time, events }: Batch): readonly Seen[] {
  return events.map(({ type, data }, i) => ({
    stream,
    position: formatPosition({ epoch, offset: first + i }),
    type,
    time,
    data: typeof data === 'string' ? (JSON.parse(data) as Readonly<Record<string, unknown>>) : null,
  }));
}

/** Where something stands, as answers cite it. */
export function cite(stream: StreamKey, position: string): string {
  return `[${nameOf(stream)} @ ${position}]`;
}
