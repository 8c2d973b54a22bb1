import type { DatabaseSync } from 'node:sqlite';
import { type RetentionDefaults, effectiveRule, isExpired } from '../stream-settings.ts';
import { rowAfter } from '../batch-codec.ts';
import { hashBytes } from '../chain.ts';
import type { StreamConfig, Trimmed } from './messages.ts';
import type { Rows, StoredRow } from './rows.ts';
import { ROW_KEY } from './schema.ts';

/** How long one bite may hold the writer, ms, and the most rows that it looks at or removes. */
const BITE_MS = 2;

export interface Swept {
  readonly trimmed: readonly Trimmed[];
  /** Keys of streams whose time is over, and of graves without a fork: the main thread deletes them, since it sequences deletions, too. */
  readonly expired: readonly string[];
  /** How many streams were looked at. */
  readonly looked: number;
  /** Another bite has something to do at once. */
  readonly more: boolean;
}

/**
 * Retention, in bites so small that no append waits long (D-6). A round goes through all streams: it moves their
 * earliest event forward by age and by size, then removes rows that nobody can read any more, then, while the
 * database is over its bound, takes the oldest rows of all. Runs in a transaction of the writer's.
 */
export interface Sweeper {
  bite(now: number, round: boolean): Swept;
  /** Streams were deleted: there are rows to remove. */
  orphaned(): void;
}

interface Limits {
  readonly retention: RetentionDefaults;
  readonly totalBytes: number;
}

interface Segment {
  readonly id: number;
  readonly stream: number | null;
  readonly base: number | null;
  readonly baseLast: number;
  earliest: number;
  floor: number;
  readonly gone: number;
}

/**
 * `rows` are those in the tree: what is in the journal is newer, and its turn comes once it was settled. `isFresh` says
 * whether a segment has such rows.
 */
export function openSweeper(
  db: DatabaseSync,
  rows: Rows,
  limits: Limits,
  isFresh: (segment: number) => boolean,
): Sweeper {
  const streamsBehind = db.prepare(
    'SELECT id, key, config, touched FROM streams WHERE id > ? ORDER BY id LIMIT 16',
  );
  const segmentsOf = db.prepare('SELECT * FROM segments WHERE stream = ? ORDER BY id');
  const segmentById = db.prepare('SELECT * FROM segments WHERE id = ?');
  const forksOf = db.prepare('SELECT * FROM segments WHERE base = ?');
  const segmentsBehind = db.prepare('SELECT * FROM segments WHERE id > ? ORDER BY id LIMIT 16');
  const oldest = db.prepare('SELECT * FROM segments ORDER BY gone_time LIMIT 1');
  const setEarliest = db.prepare('UPDATE segments SET earliest = ?, floor = ? WHERE id = ?');
  const letGoOfBase = db.prepare('UPDATE segments SET base = NULL, base_last = NULL WHERE id = ?');
  const setGone = db.prepare(
    'UPDATE segments SET gone = ?, gone_total = ?, gone_time = ?, head = ? WHERE id = ?',
  );
  const setAge = db.prepare('UPDATE segments SET gone_time = ? WHERE id = ?');
  const removeRows = db.prepare(`DELETE FROM batches WHERE id BETWEEN ${ROW_KEY} AND ${ROW_KEY}`);
  const removeSegment = db.prepare('DELETE FROM segments WHERE id = ?');
  const emptyGraves = db.prepare(
    `SELECT key FROM graves WHERE id NOT IN (SELECT parent FROM streams WHERE parent IS NOT NULL)
     AND id NOT IN (SELECT parent FROM graves WHERE parent IS NOT NULL) LIMIT 16`,
  );
  const orphanWriters = db.prepare(
    'SELECT DISTINCT stream FROM writers WHERE stream NOT IN (SELECT id FROM streams) LIMIT 1',
  );
  const removeWriters = db.prepare(
    'DELETE FROM writers WHERE (stream, writer) IN (SELECT stream, writer FROM writers WHERE stream = ? LIMIT 256)',
  );
  const pages = db.prepare(
    'SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count) AS used',
  );

  let stage: 'streams' | 'rows' | 'writers' | 'total' | 'rest' = 'rest';
  let cursor = 0;
  let again = false;
  let deadline = 0;
  let trimmed: Trimmed[] = [];
  let looked = 0;
  const late = (): boolean => performance.now() >= deadline;

  /** Moves a segment's earliest event to `to`; `total` counts the bytes before it, in the row's own segment. */
  function advance(segment: Segment, to: number, floor: number): void {
    segment.earliest = to;
    segment.floor = floor;
    setEarliest.run(to, floor, segment.id);
    if (segment.base !== null && to > segment.baseLast) letGoOfBase.run(segment.id);
    if (segment.stream !== null)
      trimmed.push({ stream: segment.stream, segment: segment.id, earliest: to, floor });
  }

  /** The row that holds a segment's earliest event, wherever it stands. */
  function earliestRow(segment: Segment): { row: StoredRow; inherited: boolean } | undefined {
    for (let at: Segment | undefined = segment; at !== undefined; ) {
      if (at.base === null || segment.earliest > at.baseLast) {
        const row = rows.from(
          at.id,
          at === segment ? segment.earliest : (rows.upTo(at.id, segment.earliest)?.row.first ?? 0),
        );
        return row === undefined ? undefined : { row, inherited: at !== segment };
      }
      const base: Record<string, unknown> | undefined = segmentById.get(at.base);
      at = base === undefined ? undefined : segmentOf(base);
    }
    return undefined;
  }

  function trimStream(id: number, config: StreamConfig, now: number): void {
    const { maxAge, maxBytes } = effectiveRule(config.settings.rule, limits.retention);
    const horizon = maxAge === null ? Number.NEGATIVE_INFINITY : now - maxAge;
    const segments = segmentsOf.all(id).map(segmentOf);
    const totals = segments.map((segment) => rows.upTo(segment.id, 2 ** 37 - 1)?.total);
    let bytes = 0;
    for (const [index, segment] of segments.entries())
      bytes += Math.max(0, (totals[index] ?? segment.floor) - segment.floor);
    for (const [index, segment] of segments.entries()) {
      let to = segment.earliest;
      let floor = segment.floor;
      for (;;) {
        const found = earliestRow({ ...segment, earliest: to });
        if (found === undefined) break;
        const { row, inherited } = found;
        const newest = index === segments.length - 1 && !inherited && row.total === totals[index];
        if (row.row.time >= horizon && (bytes <= maxBytes || newest)) break;
        const last = inherited ? Math.min(row.last, segment.baseLast) : row.last;
        const next = inherited ? Math.min(0, floor + row.row.length) : row.total;
        bytes -= next - floor;
        to = last + 1;
        floor = next;
        if (late()) {
          again = true;
          break;
        }
      }
      if (to > segment.earliest) advance(segment, to, floor);
      if (again) return;
    }
  }

  /** The oldest offset of a segment's own rows that someone may still read. */
  function needed(segment: Segment): number {
    let least = segment.stream === null ? Number.MAX_SAFE_INTEGER : segment.earliest;
    for (const fork of forksOf.all(segment.id).map(segmentOf)) {
      const need = needed(fork);
      if (need <= fork.baseLast) least = Math.min(least, need);
    }
    return least;
  }

  /** Removes rows that nobody needs; true once none is left to remove. */
  function purge(segment: Segment): boolean {
    const need = needed(segment);
    let last: StoredRow | undefined;
    let from: StoredRow | undefined;
    for (let offset = segment.gone + 1; ; ) {
      const row = rows.from(segment.id, offset);
      if (row === undefined || row.last >= need) break;
      from ??= row;
      last = row;
      offset = row.last + 1;
      if (late() || row.total - from.total > 2 ** 20) break;
    }
    if (last === undefined || from === undefined) {
      const needless = segment.stream === null && need === Number.MAX_SAFE_INTEGER;
      if (needless && !isFresh(segment.id)) removeSegment.run(segment.id);
      return true;
    }
    setGone.run(last.last, last.total, last.row.time, hashBytes(rowAfter(last.bytes, 0)), segment.id);
    removeRows.run(segment.id, from.row.first, segment.id, last.row.first);
    return false;
  }

  /** Over the bound of all streams: takes the oldest row from whoever still has it. False if there is none. */
  function takeOldest(now: number): boolean {
    const found = oldest.get();
    if (found === undefined) return false;
    const segment = segmentOf(found);
    const row = rows.from(segment.id, segment.gone + 1);
    const age = row?.row.time ?? now;
    // `gone_time` is at most the age of the first row: put right only when it is looked at.
    if (age > Number(found['gone_time'])) {
      setAge.run(age, segment.id);
      return true;
    }
    if (row === undefined) return false;
    pass(segment, row, row.total);
    return !purge({ ...segment, earliest: Math.max(segment.earliest, row.last + 1) });
  }

  function pass(segment: Segment, row: StoredRow, total: number | undefined): void {
    if (segment.earliest <= row.last) {
      advance(segment, row.last + 1, total ?? Math.min(0, segment.floor + row.row.length));
    }
    for (const fork of forksOf.all(segment.id).map(segmentOf)) {
      if (fork.earliest <= fork.baseLast)
        pass(fork, { ...row, last: Math.min(row.last, fork.baseLast) }, undefined);
    }
  }

  function step(now: number, expired: string[]): void {
    switch (stage) {
      case 'streams': {
        const found = streamsBehind.all(cursor);
        for (const stream of found) {
          const id = Number(stream['id']);
          const config = JSON.parse(String(stream['config'])) as StreamConfig;
          if (isExpired(config.settings, Number(stream['touched']), now)) expired.push(String(stream['key']));
          else trimStream(id, config, now);
          if (again) return;
          cursor = id;
          looked += 1;
          if (late()) return;
        }
        if (found.length > 0) return;
        // A crash came between the deletion of the last fork and this.
        expired.push(...emptyGraves.all().map((grave) => String(grave['key'])));
        enter('rows');
        return;
      }
      case 'rows': {
        const found = segmentsBehind.all(cursor).map(segmentOf);
        for (const segment of found) {
          if (purge(segment)) cursor = segment.id;
          if (late()) return;
        }
        if (found.length === 0) enter('writers');
        return;
      }
      case 'writers': {
        const stream = orphanWriters.get()?.['stream'];
        if (stream === undefined) enter('total');
        else removeWriters.run(Number(stream));
        return;
      }
      case 'total':
        if (Number(pages.get()?.['used']) * 4096 <= limits.totalBytes || !takeOldest(now)) enter('rest');
        return;
      case 'rest':
    }
  }

  function enter(next: typeof stage): void {
    stage = next;
    cursor = 0;
  }

  return {
    orphaned() {
      if (stage === 'rest') enter('rows');
    },
    bite(now, round) {
      if (round && stage === 'rest') enter('streams');
      deadline = performance.now() + BITE_MS;
      trimmed = [];
      looked = 0;
      const expired: string[] = [];
      do {
        again = false;
        step(now, expired);
      } while (stage !== 'rest' && !late());
      return { trimmed, expired, looked, more: stage !== 'rest' };
    },
  };
}

function segmentOf(found: Record<string, unknown>): Segment {
  return {
    id: Number(found['id']),
    stream: found['stream'] === null ? null : Number(found['stream']),
    base: found['base'] === null ? null : Number(found['base']),
    baseLast: Number(found['base_last'] ?? 0),
    earliest: Number(found['earliest']),
    floor: Number(found['floor']),
    gone: Number(found['gone']),
  };
}
