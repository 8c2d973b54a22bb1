import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { type Epoch, formatPosition } from '@playhead/protocol';
import { eraseFromRow, rowAt, sealRow } from '../batch-codec.ts';
import { ByteSink } from '../byte-sink.ts';
import { CHAIN_START, type Hash, hashBytes } from '../chain.ts';
import { epochs } from '../epochs.ts';
import {
  BATCH_OP,
  type Change,
  type FromWriter,
  OP_HEADER,
  type ToWriter,
  type WriterData,
} from './messages.ts';
import { openCheckpoints } from './checkpoints.ts';
import { openJournal, OWN_PAGES } from './journal.ts';
import { openRows, viewOf } from './rows.ts';
import { FORMAT, OFFSET_MAX, openForWriting, ROW_KEY } from './schema.ts';
import { openSettling } from './settling.ts';
import { openSweeper, type Sweeper } from './sweeper.ts';

// The writer thread: the only connection that writes. A group of changes is one transaction, answered once it is
// committed; what fails leaves nothing behind.

const port = parentPort;
if (port === null) throw new Error('This module is a worker.');
const data = workerData as WriterData;
const say = (message: FromWriter, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

const db = openForWriting(data.folder, data);
const journal = openJournal(db);
const checkpoints = openCheckpoints(db, data.folder);
const settling = openSettling(db, journal, checkpoints, data.sync);
const rows = openRows(db, journal.fresh);
const replaceBatch = db.prepare(`UPDATE batches SET body = ? WHERE id = ${ROW_KEY}`);
const insertStream = db.prepare('INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)');
const insertSegment = db.prepare('INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
const closeStream = db.prepare('UPDATE streams SET closed = 1 WHERE id = ?');
const deleteStream = db.prepare('DELETE FROM streams WHERE id = ?');
const digGrave = db.prepare('INSERT INTO graves SELECT id, key, parent FROM streams WHERE id = ?');
const deleteGrave = db.prepare('DELETE FROM graves WHERE id = ?');
const setOrdinal = db.prepare('UPDATE streams SET ordinal = ? WHERE id = ?');
const orphanSegments = db.prepare('UPDATE segments SET stream = NULL WHERE stream = ?');
const configureStream = db.prepare('UPDATE streams SET config = ? WHERE id = ?');
const touchStream = db.prepare('UPDATE streams SET touched = ? WHERE id = ?');
const putWriter = db.prepare('INSERT OR REPLACE INTO writers VALUES (?, ?, ?, ?, ?)');
const deleteWriter = db.prepare('DELETE FROM writers WHERE stream = ? AND writer = ?');
const begin = db.prepare('BEGIN IMMEDIATE');
const commitGroup = db.prepare('COMMIT');
const putMeta = db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)');
const getMeta = db.prepare('SELECT value FROM meta WHERE name = ?');

/** The chain's value behind the newest row of the segments written to lately. Forgotten whenever a commit fails. */
const heads = new Map<number, Hash>();
const HEADS_MAX = 20_000;
let seeds = randomBytes(16 * 256);
let seedAt = 0;
let sweeper: Sweeper | undefined;

port.on('message', (message: ToWriter) => {
  switch (message.kind) {
    case 'group':
      commit(message.memory, message.length);
      return;
    case 'sweep':
      sweep(message.now, message.round);
      return;
    case 'stop':
      void stop();
  }
});
say(start());

async function stop(): Promise<void> {
  await checkpoints.stop();
  settling.all();
  putMeta.run('clean', '1');
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  say({ kind: 'stopped' });
  port?.close();
}

/** Settles what the last process left, and says where numbering goes on. */
function start(): FromWriter {
  const format = meta('format') ?? FORMAT;
  if (format !== FORMAT)
    return { kind: 'refused', reason: `The log has format ${format}; this version reads ${FORMAT}.` };
  const dirty = meta('clean') === '0' && meta('boot') !== data.bootId;
  db.exec('BEGIN IMMEDIATE');
  if (journal.fresh.count > 0) journal.settle();
  let lastEpoch = meta('epoch') ?? '';
  // The machine went down without warning, and commits were not yet forced to disk: the newest may be gone (D-3).
  if (dirty && meta('sync') !== 'full') lastEpoch = beginEpochs(lastEpoch);
  putMeta.run('format', FORMAT);
  putMeta.run('clean', '0');
  putMeta.run('boot', data.bootId);
  putMeta.run('sync', data.sync);
  db.exec('COMMIT');
  sweeper = openSweeper(db, openRows(db), data, (segment) => journal.fresh.has(segment));
  // An id is not given again while anything of the stream that had it is left.
  const last = (table: string, column = 'id'): number =>
    Number(db.prepare(`SELECT coalesce(max(${column}), 0) AS last FROM ${table}`).get()?.['last']);
  const nextStream = Math.max(last('streams'), last('graves'), last('writers', 'stream')) + 1;
  return { kind: 'ready', nextStream, nextSegment: last('segments') + 1, lastEpoch };
}

function beginEpochs(last: Epoch): Epoch {
  const newest = String(
    db.prepare('SELECT coalesce(max(epoch), ?) AS epoch FROM segments').get(last)?.['epoch'],
  );
  const epoch = epochs(() => data.now, newest > last ? newest : last);
  let made = last;
  let segment = Number(db.prepare('SELECT coalesce(max(id), 0) AS id FROM segments').get()?.['id']);
  const open = db.prepare('SELECT id FROM streams WHERE closed = 0 ORDER BY id').all();
  const raise = db.prepare('UPDATE streams SET epoch_index = epoch_index + 1 WHERE id = ?');
  for (const { id } of open) {
    made = epoch();
    segment += 1;
    insertSegment.run(segment, Number(id), made, null, null, 1, 0, 0, 0, data.now, hashBytes(CHAIN_START));
    raise.run(Number(id));
  }
  putMeta.run('epoch', made);
  return made;
}

function commit(memory: ArrayBuffer, length: number): void {
  const inherited: number[] = [];
  // A copy, since the memory goes back and the journal's rows are looked at until they are settled.
  const bytes = Buffer.from(Buffer.from(memory, 0, length));
  const view = viewOf(bytes);
  try {
    begin.run();
    unwritten = [];
    for (let at = 0; at < length; ) {
      if (view.getUint32(at, true) === BATCH_OP) at = addBatch(bytes, view, at);
      else {
        const size = view.getUint32(at + 4, true);
        const change = JSON.parse(bytes.toString('utf8', at + 8, at + 8 + size)) as Change;
        const found = apply(change);
        if (found !== undefined) inherited.push(found);
        at += 8 + size;
      }
    }
    writeJournal(bytes);
    commitGroup.run();
  } catch (error) {
    heads.clear();
    if (db.isTransaction) db.exec('ROLLBACK');
    journal.reload();
    say({ kind: 'failed', full: isFull(error), reason: String(error) });
    return;
  }
  if (heads.size > HEADS_MAX) heads.clear();
  say({ kind: 'committed', memory, inherited }, [memory]);
  checkpoints.committed();
  settling.committed();
}

/** Batch ops of the group under way that are not in the database yet, as spans of its memory. */
let unwritten: { readonly from: number; to: number }[] = [];

function addBatch(bytes: Buffer, view: DataView, at: number): number {
  const segment = view.getFloat64(at + 8, true);
  const row = rowAt(view, at + OP_HEADER);
  if (row.first > OFFSET_MAX) throw new RangeError('An epoch holds no more events.');
  const before = heads.get(segment) ?? rows.before(segment, row.first);
  heads.set(segment, sealRow(bytes, view, row, seed(), before));
  if (row.length >= OWN_PAGES) {
    const behind = row.at + row.length;
    journal.pass(segment, row.first, view.getFloat64(at + 16, true), bytes.subarray(row.at, behind));
    return behind;
  }
  const end = journal.fresh.take(bytes, view, at);
  const last = unwritten.at(-1);
  if (last?.to === at) last.to = end;
  else unwritten.push({ from: at, to: end });
  return end;
}

function writeJournal(bytes: Buffer): void {
  const [only] = unwritten;
  if (only === undefined) return;
  const parts = unwritten.map(({ from, to }) => bytes.subarray(from, to));
  journal.add(parts.length === 1 ? bytes.subarray(only.from, only.to) : Buffer.concat(parts));
}

function apply(change: Change): number | undefined {
  switch (change.op) {
    case 'create':
      return create(change);
    case 'close':
      closeStream.run(change.id);
      return;
    case 'release':
      deleteGrave.run(change.id);
      return;
    case 'ordinal':
      setOrdinal.run(change.ordinal, change.id);
      return;
    case 'bury':
    case 'delete':
      if (change.op === 'bury') digGrave.run(change.id);
      deleteStream.run(change.id);
      orphanSegments.run(change.id);
      sweeper?.orphaned();
      return;
    case 'configure':
      configureStream.run(JSON.stringify(change.config), change.id);
      return;
    case 'touch':
      touchStream.run(change.time, change.id);
      return;
    case 'writer': {
      const { epoch, sequence, recent } = change.tip;
      putWriter.run(change.id, change.writer, epoch, sequence, recent.map(formatPosition).join(' '));
      return;
    }
    case 'forget':
      deleteWriter.run(change.id, change.writer);
      return;
    case 'erase':
      erase(change.segment, change.offset);
      return;
  }
}

function create(change: Extract<Change, { op: 'create' }>): number | undefined {
  const { id, key, config, closed, time, segment, epoch, from, parent } = change;
  insertStream.run(id, key, JSON.stringify(config), closed ? 1 : 0, time, time, 0, parent ?? null);
  putMeta.run('epoch', epoch);
  if (from === undefined) {
    insertSegment.run(segment, id, epoch, null, null, 1, 0, 0, 0, time, hashBytes(CHAIN_START));
    return;
  }
  const { at, earliest } = from;
  const first = earliest > at ? undefined : rows.upTo(from.segment, earliest);
  const last = first === undefined ? undefined : rows.upTo(from.segment, at);
  // Where the history begins in another segment yet, only what stands in this one is counted.
  const begin = first === undefined ? 0 : first.total - first.row.length;
  const inherited = last === undefined ? 0 : last.total - begin;
  const base = earliest > at ? null : from.segment;
  const head = hashBytes(rows.headAt(from.segment, at));
  insertSegment.run(
    segment,
    id,
    epoch,
    base,
    base === null ? null : at,
    earliest,
    -inherited,
    at,
    0,
    time,
    head,
  );
  return inherited;
}

function erase(segment: number, offset: number): void {
  // What is erased must be in one place.
  if (journal.fresh.has(segment)) {
    journal.settle();
    unwritten = [];
  }
  const found = rows.whole(segment, offset);
  if (found === undefined) return;
  const sink = new ByteSink(new ArrayBuffer(found.row.length + found.row.count * 64));
  eraseFromRow(sink, found.bytes, viewOf(found.bytes), found.row, offset - found.row.first);
  // What is erased must not stay readable in pages that are free now.
  db.exec('PRAGMA secure_delete = ON');
  replaceBatch.run(sink.bytes.subarray(0, sink.length), segment, found.row.first);
  db.exec('PRAGMA secure_delete = OFF');
}

function sweep(now: number, round: boolean): void {
  if (sweeper === undefined) return;
  if (round) settling.round();
  try {
    db.exec('BEGIN IMMEDIATE');
    const swept = sweeper.bite(now, round);
    db.exec('COMMIT');
    say({ kind: 'swept', ...swept });
  } catch {
    // A full disk: nothing was trimmed, and the next round tries again.
    if (db.isTransaction) db.exec('ROLLBACK');
    say({ kind: 'swept', trimmed: [], expired: [], looked: 0, more: false });
  }
}

function seed(): Uint8Array {
  if (seedAt === seeds.length) {
    seeds = randomBytes(16 * 256);
    seedAt = 0;
  }
  seedAt += 16;
  return seeds.subarray(seedAt - 16, seedAt);
}

function meta(name: string): string | undefined {
  const value = getMeta.get(name)?.['value'];
  return typeof value === 'string' ? value : undefined;
}

/** SQLITE_FULL, and SQLITE_IOERR in all its forms: a write that found no room or was refused. */
function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
  return (code & 0xff) === 13 || (code & 0xff) === 10;
}
