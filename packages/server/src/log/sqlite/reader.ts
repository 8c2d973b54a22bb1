import { parentPort, workerData } from 'node:worker_threads';
import { parsePosition, type Position } from '@playhead/protocol';
import type {
  FromReader,
  LoadedGrave,
  LoadedSegment,
  LoadedStream,
  Parent,
  ReaderCall,
  StreamConfig,
  ToReader,
} from './messages.ts';
import { viewJournal } from './journal.ts';
import { openRanges } from './row-ranges.ts';
import { openRows } from './rows.ts';
import { openForReading } from './schema.ts';

// A reader thread: sees what was committed, never waits for the writer, never keeps it waiting.

const port = parentPort;
if (port === null) throw new Error('This module is a worker.');
const { folder } = workerData as { readonly folder: string };
const db = openForReading(folder);
const journal = viewJournal(db);
const rows = openRows(db, journal.fresh);
const range = openRanges(db, journal.fresh);

const streamRow = db.prepare('SELECT * FROM streams WHERE key = ?');
const graveRow = db.prepare('SELECT * FROM graves WHERE key = ?');
const nameRow = db.prepare(
  'SELECT key FROM streams WHERE id = ?1 UNION ALL SELECT key FROM graves WHERE id = ?1',
);
const forkRows = db.prepare(
  'SELECT id FROM streams WHERE parent = ?1 UNION ALL SELECT id FROM graves WHERE parent = ?1',
);
const segmentRows = db.prepare('SELECT * FROM segments WHERE stream = ? ORDER BY id');
const segmentRow = db.prepare('SELECT * FROM segments WHERE id = ?');
const writerRows = db.prepare('SELECT * FROM writers WHERE stream = ?');
const keyRows = db.prepare(
  'SELECT key FROM streams WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
);

port.on('message', (message: ToReader) => {
  try {
    const [answer, transfer] = answerTo(message.id, message);
    port.postMessage(answer, transfer);
  } catch (error) {
    const failed: FromReader = { id: message.id, kind: 'failed', reason: String(error) };
    port.postMessage(failed);
  }
});

function answerTo(id: number, call: ReaderCall): [FromReader, ArrayBuffer[]] {
  switch (call.kind) {
    case 'load':
      return [{ id, kind: 'loaded', ...load(call.key) }, []];
    case 'list': {
      const { tenant, prefix, after, limit } = call;
      const first = `${tenant}:${prefix}`;
      const found = keyRows.all(`${tenant}:${after}`, first, `${first}\u{10ffff}`, limit);
      return [{ id, kind: 'listed', keys: found.map((row) => String(row['key'])) }, []];
    }
    case 'rows': {
      const { memory, before } = inSnapshot(() => {
        const found = range(call);
        const proven = found !== undefined && call.proof;
        return { memory: found, before: proven ? rows.before(call.segment, firstOf(found)) : undefined };
      });
      return [{ id, kind: 'rows', memory, before }, memory === undefined ? [] : [memory.buffer]];
    }
  }
}

/** One snapshot: the writer may commit, and move rows, between any two statements. */
function inSnapshot<T>(look: () => T): T {
  db.exec('BEGIN');
  try {
    journal.sync();
    return look();
  } finally {
    db.exec('COMMIT');
  }
}

function firstOf(memory: Uint8Array): number {
  return new DataView(memory.buffer, memory.byteOffset).getFloat64(8, true);
}

function load(key: string): { stream: LoadedStream | undefined; grave: LoadedGrave | undefined } {
  return inSnapshot(() => ({ stream: loadStream(key), grave: loadGrave(key) }));
}

function loadGrave(key: string): LoadedGrave | undefined {
  const found = graveRow.get(key);
  if (found === undefined) return undefined;
  const id = Number(found['id']);
  return { id, parent: parentOf(found), forks: forksOf(id) };
}

function parentOf(found: Record<string, unknown>): Parent | undefined {
  if (found['parent'] === null) return undefined;
  const id = Number(found['parent']);
  const key = nameRow.get(id)?.['key'];
  return typeof key === 'string' ? { id, key } : undefined;
}

function forksOf(id: number): number[] {
  return forkRows.all(id).map((row) => Number(row['id']));
}

function loadStream(key: string): LoadedStream | undefined {
  const found = streamRow.get(key);
  if (found === undefined) return undefined;
  const id = Number(found['id']);
  return {
    id,
    parent: parentOf(found),
    forks: forksOf(id),
    ordinal: typeof found['ordinal'] === 'string' ? found['ordinal'] : undefined,
    config: JSON.parse(String(found['config'])) as StreamConfig,
    closed: found['closed'] === 1,
    created: Number(found['created']),
    touched: Number(found['touched']),
    epochIndex: Number(found['epoch_index']),
    segments: segmentRows.all(id).map(loadSegment),
    writers: writerRows.all(id).map((row) => [
      String(row['writer']),
      {
        epoch: Number(row['epoch']),
        sequence: Number(row['sequence']),
        recent: String(row['recent']).split(' ').map(parsePosition).filter(isPosition),
      },
    ]),
  };
}

function loadSegment(found: Record<string, unknown>): LoadedSegment {
  const id = Number(found['id']);
  const last = rows.upTo(id, 2 ** 37 - 1);
  const sources = [{ segment: id, last: Number.MAX_SAFE_INTEGER }];
  for (let at: Record<string, unknown> | undefined = found; at !== undefined && at['base'] !== null; ) {
    const segment: number = Number(at['base']);
    sources.unshift({ segment, last: Number(at['base_last']) });
    at = segmentRow.get(segment);
  }
  return {
    id,
    epoch: String(found['epoch']),
    earliest: Number(found['earliest']),
    floor: Number(found['floor']),
    latest: last?.last ?? Number(found['gone']),
    total: last?.total ?? Number(found['gone_total']),
    time: last?.row.time ?? Number(found['gone_time']),
    sources,
  };
}

function isPosition(position: Position | undefined): position is Position {
  return position !== undefined;
}
