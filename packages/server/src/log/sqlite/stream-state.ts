import type { Epoch, Position } from '@playhead/protocol';
import type { Bounds } from '../event-log.ts';
import type { Span } from '../history.ts';
import { asOwn, type Lineage, lineageOf } from '../lineage.ts';
import type { Tip, WriterTip } from '../sequence.ts';
import type { StreamKey } from '../stream-key.ts';
import type { StreamSettings } from '../stream-settings.ts';
import type {
  Change,
  LoadedGrave,
  LoadedSegment,
  LoadedStream,
  Parent,
  StreamConfig,
  Trimmed,
} from './messages.ts';

/**
 * A stream as the main thread knows it: `tip` and `total` as sequenced (with appends that are not committed yet),
 * `seen` as committed, which is all that readers are told.
 */
export interface StreamState {
  readonly id: number;
  readonly key: StreamKey;
  config: StreamConfig;
  readonly created: number;
  touched: number;
  readonly epochIndex: number;
  /** Oldest first; the last one is current. */
  segments: SegmentState[];
  tip: Tip;
  total: number;
  seen: { readonly tip: Tip; readonly total: number };
  /** Whether its creation is committed. */
  live: boolean;
  readonly writers: Map<string, WriterTip>;
  readonly parent: Parent | undefined;
  /** Ids of its forks. */
  readonly forks: Set<number>;
}

type CreateChange = Extract<Change, { op: 'create' }>;

/** A stream that was deleted while it had forks: what is left of it is its name. */
export interface Grave {
  readonly id: number;
  readonly parent: Parent | undefined;
  readonly forks: Set<number>;
}

export function graveOf({ id, parent, forks }: LoadedGrave): Grave {
  return { id, parent, forks: new Set(forks) };
}

export interface SegmentState extends LoadedSegment {
  earliest: number;
  floor: number;
}

export function stateOf(key: StreamKey, loaded: LoadedStream): StreamState {
  const segments = loaded.segments.map((segment): SegmentState => ({ ...segment }));
  const last = segments.at(-1);
  if (last === undefined) throw new RangeError('A stream without an epoch.');
  const { closed, ordinal } = loaded;
  const tip: Tip = { epoch: last.epoch, latest: last.latest, time: last.time, closed, ordinal };
  const state: StreamState = {
    id: loaded.id,
    key,
    config: loaded.config,
    created: loaded.created,
    touched: loaded.touched,
    epochIndex: loaded.epochIndex,
    segments,
    tip,
    total: last.total,
    seen: { tip, total: last.total },
    live: true,
    writers: new Map(loaded.writers),
    parent: loaded.parent,
    forks: new Set(loaded.forks),
  };
  dropEmpty(state);
  return state;
}

/** Where a fork's history comes from. */
export interface ForkOf {
  readonly segment: number;
  readonly at: number;
  /** The same as a position of the source. */
  readonly position: Position;
  readonly parent: { readonly id: number; readonly key: StreamKey };
  readonly lineage: Lineage | undefined;
  readonly earliest: number;
  readonly time: number;
  readonly sources: LoadedSegment['sources'];
}

/** What a fork of `source` at a position inherits, as sequenced; undefined if the position is not retained. */
export function forkOf(source: StreamState, wanted: Position): ForkOf | undefined {
  const at = asOwn(wanted, source.config.lineage);
  const segment = source.segments.find(({ epoch }) => epoch === at.epoch);
  if (segment === undefined || at.offset < segment.earliest - 1) return undefined;
  const latest = segment === currentOf(source) ? source.tip.latest : segment.latest;
  if (at.offset > latest) return undefined;
  const index = segment.sources.findIndex(({ last }) => last >= at.offset);
  const holding = segment.sources[index];
  if (holding === undefined) return undefined;
  return {
    segment: holding.segment,
    at: at.offset,
    position: at,
    parent: { id: source.id, key: source.key },
    lineage: source.config.lineage,
    earliest: Math.min(segment.earliest, at.offset + 1),
    time: source.tip.time,
    sources: [...segment.sources.slice(0, index), { segment: holding.segment, last: at.offset }],
  };
}

/** What is stored of a fork as text; `own` is its epoch. */
export function forkConfig(
  settings: StreamSettings,
  own: Epoch,
  { position, parent, lineage }: ForkOf,
  part: number | undefined,
): StreamConfig {
  const forkedFrom = { source: parent.key, at: position, ...(part === undefined ? {} : { part }) };
  return { settings, forkedFrom, lineage: lineageOf(own, position, lineage) };
}

/** What the writer is told of where a fork's history comes from. */
export function baseOf({ segment, at, earliest, parent }: ForkOf): Pick<CreateChange, 'from' | 'parent'> {
  return { parent: parent.id, from: { segment, at, earliest } };
}

/** A stream that is being made: not live before that is committed. */
export function newState(made: {
  readonly id: number;
  readonly key: StreamKey;
  readonly config: StreamConfig;
  readonly now: number;
  readonly segment: number;
  readonly epoch: Epoch;
  readonly closed: boolean;
  readonly time: number;
  readonly from: ForkOf | undefined;
}): StreamState {
  const { id, key, config, now, segment, epoch, closed, time, from } = made;
  const latest = from?.at ?? 0;
  const tip: Tip = { epoch, latest, time, closed, ordinal: undefined };
  const sources = [...(from?.sources ?? []), { segment, last: Number.MAX_SAFE_INTEGER }];
  return {
    id,
    key,
    config,
    created: now,
    touched: now,
    epochIndex: 0,
    segments: [
      { id: segment, epoch, earliest: from?.earliest ?? 1, floor: 0, latest, total: 0, time, sources },
    ],
    tip,
    total: 0,
    seen: { tip, total: 0 },
    live: false,
    writers: new Map(),
    parent: from?.parent,
    forks: new Set(),
  };
}

/** Of the writers of one stream, those that appended last are remembered. */
const WRITERS_MAX = 4096;

/** Takes note of a writer's append. Returns the writer that is forgotten for it, if there are too many. */
export function rememberWriter(state: StreamState, id: string, tip: WriterTip): string | undefined {
  // Deleted first, so that the order of the map is that of the last append.
  state.writers.delete(id);
  state.writers.set(id, tip);
  if (state.writers.size <= WRITERS_MAX) return undefined;
  const [oldest] = state.writers.keys();
  if (oldest !== undefined) state.writers.delete(oldest);
  return oldest;
}

export function currentOf(state: StreamState): SegmentState {
  const last = state.segments.at(-1);
  if (last === undefined) throw new RangeError('A stream without an epoch.');
  return last;
}

/** What readers may know of each epoch. */
export function spansOf(state: StreamState): Span[] {
  const { latest } = state.seen.tip;
  const last = state.segments.length - 1;
  return state.segments.map((segment, index) => ({
    epoch: segment.epoch,
    earliest: segment.earliest,
    latest: index === last ? latest : segment.latest,
  }));
}

/** Takes note of what retention removed. */
export function applyTrim(state: StreamState, trimmed: Trimmed): void {
  const segment = state.segments.find(({ id }) => id === trimmed.segment);
  if (segment === undefined || trimmed.earliest <= segment.earliest) return;
  segment.earliest = trimmed.earliest;
  segment.floor = trimmed.floor;
  dropEmpty(state);
}

/** An old epoch of which nothing is left is no part of the history any more. */
function dropEmpty(state: StreamState): void {
  const last = state.segments.length - 1;
  state.segments = state.segments.filter(
    ({ earliest, latest }, index) => index === last || earliest <= latest,
  );
}

export function boundsOf(state: StreamState): Bounds {
  const { tip, total } = state.seen;
  const [oldest] = state.segments;
  const current = currentOf(state);
  const { settings, forkedFrom } = state.config;
  let bytes = total - current.floor;
  for (const segment of state.segments) if (segment !== current) bytes += segment.total - segment.floor;
  const { epoch, earliest } = oldest ?? current;
  return {
    start: { epoch, offset: earliest - 1 },
    earliest: { epoch, offset: earliest },
    latest: { epoch: tip.epoch, offset: tip.latest },
    closed: tip.closed,
    contentType: settings.contentType,
    durability: settings.durability,
    bytes,
    createdAt: state.created,
    epochIndex: state.epochIndex,
    ...(settings.ttl === undefined ? {} : { ttl: settings.ttl }),
    ...(settings.expiresAt === undefined ? {} : { expiresAt: settings.expiresAt }),
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
  };
}
