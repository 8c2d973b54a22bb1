import { constants, setPriority } from 'node:os';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Hit, ReadUpTo, SearchDocument, SearchQuery } from '../search.ts';
import { matchExpression } from './match-expression.ts';
import type { FromIndex, IndexAnswer, IndexCall, IndexData, ToIndex } from './messages.ts';

// A thread of its own: neither commits nor readers ever wait for the index.

const { file } = workerData as IndexData;
// Where a thread has a priority of its own, this one gives way to all that somebody waits for. Elsewhere it would be the
// server's.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const VERSION = 2;
const db = open();

const insertDocument = db.prepare(
  `INSERT INTO documents (stream, tenant, user, kind, position, last, time, facets) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
);
const insertText = db.prepare('INSERT INTO texts (rowid, title, text) VALUES (?, ?, ?)');
const putStream = db.prepare(
  `INSERT INTO streams (stream, position, bytes) VALUES (?, ?, ?)
   ON CONFLICT (stream) DO UPDATE SET position = excluded.position, bytes = excluded.bytes`,
);

const port = parentPort;
if (port === null) throw new Error('the index runs as a thread of the server');
const say = (message: FromIndex): void => port.postMessage(message);
/** Calls that came while the thread was busy, in their order. */
let queue: ToIndex[] = [];
port.on('message', (call: ToIndex) => {
  queue.push(call);
  if (queue.length === 1) setImmediate(work);
});

/** What came together is written together: a transaction costs more than what most streams have to say. */
function work(): void {
  const calls = queue;
  queue = [];
  for (let i = 0; i < calls.length; ) {
    const end = calls.findIndex(({ op }, j) => j >= i && op !== 'add');
    const adds = calls.slice(i, end === -1 ? calls.length : end);
    if (adds.length > 1 && addAll(adds)) i += adds.length;
    else run(calls[i++]);
  }
}

function run(call: ToIndex | undefined): void {
  if (call === undefined) return;
  try {
    say({ kind: 'answer', id: call.id, answer: answer(call) });
  } catch (error) {
    say({ kind: 'failed', id: call.id, reason: String(error) });
  }
}

/** False if they cannot be written together: then each is tried by itself, so that one does not fail the others. */
function addAll(calls: readonly ToIndex[]): boolean {
  try {
    together(() => {
      for (const call of calls) if (call.op === 'add') add(call.stream, call.read, call.documents);
    });
  } catch {
    return false;
  }
  for (const { id } of calls) say({ kind: 'answer', id, answer: null });
  return true;
}
say({ kind: 'ready' });

/** An index of another version, or one that is damaged, is thrown away: it is built anew from the log. */
function open(): DatabaseSync {
  const opened = new DatabaseSync(file ?? ':memory:');
  opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000');
  const { user_version: version } = opened.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version !== VERSION) {
    opened.exec(`
      DROP TABLE IF EXISTS texts; DROP TABLE IF EXISTS documents; DROP TABLE IF EXISTS streams;
      CREATE TABLE streams (stream TEXT PRIMARY KEY, position TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE documents (
        id INTEGER PRIMARY KEY, stream TEXT NOT NULL, tenant TEXT NOT NULL, user TEXT, kind TEXT NOT NULL,
        position TEXT NOT NULL, last TEXT, time INTEGER NOT NULL, facets TEXT NOT NULL);
      CREATE INDEX documents_by_stream ON documents (stream, time, position);
      CREATE INDEX documents_by_time ON documents (tenant, kind, time);
      CREATE VIRTUAL TABLE texts USING fts5 (title, text, tokenize = 'unicode61 remove_diacritics 2');
      PRAGMA user_version = ${VERSION};`);
  }
  return opened;
}

function answer(call: IndexCall): IndexAnswer {
  switch (call.op) {
    case 'add':
      together(() => add(call.stream, call.read, call.documents));
      return null;
    case 'forget':
      together(() => forget(call.stream));
      return null;
    case 'erase':
      together(() => erase(call.stream, call.position));
      return null;
    case 'streams': {
      const rows = db.prepare('SELECT stream, position, bytes FROM streams').all() as {
        stream: string;
        position: string;
        bytes: number;
      }[];
      return rows.map(({ stream, position, bytes }) => [stream, { position, bytes }] as const);
    }
    case 'find':
      return find(call.query);
  }
}

function together(work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function add(stream: string, read: ReadUpTo, documents: readonly SearchDocument[]): void {
  const tenant = stream.slice(0, stream.indexOf(':'));
  for (const { user, kind, position, last, time, title, text, facets } of documents) {
    const row = insertDocument.run(
      stream,
      tenant,
      user ?? null,
      kind,
      position,
      last ?? null,
      time,
      JSON.stringify(facets),
    );
    insertText.run(row.lastInsertRowid, title, text);
  }
  putStream.run(stream, read.position, read.bytes);
}

function forget(stream: string): void {
  remove('stream = ?', stream);
  db.prepare('DELETE FROM streams WHERE stream = ?').run(stream);
}

// Positions of one stream sort as text.
function erase(stream: string, position: string): void {
  remove('stream = ? AND position <= ? AND coalesce(last, position) >= ?', stream, position, position);
}

function remove(which: string, ...values: SQLInputValue[]): void {
  db.prepare(`DELETE FROM texts WHERE rowid IN (SELECT id FROM documents WHERE ${which})`).run(...values);
  db.prepare(`DELETE FROM documents WHERE ${which}`).run(...values);
}

interface Row {
  readonly stream: string;
  readonly user: string | null;
  readonly kind: string;
  readonly position: string;
  readonly last: string | null;
  readonly time: number;
  readonly facets: string;
  readonly title: string;
  readonly text: string;
  readonly snippet: string;
}

function find(query: SearchQuery): readonly Hit[] {
  const words = query.text === undefined ? undefined : matchExpression(query.text, query.words ?? 'all');
  if (query.text !== undefined && words === undefined) return [];
  const { sql, values } = conditions(query);
  const from =
    words === undefined
      ? 'documents d JOIN texts ON texts.rowid = d.id'
      : 'texts CROSS JOIN documents d ON d.id = texts.rowid';
  const order =
    words !== undefined && query.order !== 'newest'
      ? 'bm25(texts, 3.0, 1.0)'
      : // Within one stream by position, so that what follows a document can be asked for.
        query.stream === undefined
        ? 'd.time DESC, d.id DESC'
        : 'd.time DESC, d.position DESC';
  const snippet =
    words === undefined ? 'substr(text, 1, 200)' : "snippet(texts, -1, char(2), char(3), '…', 30)";
  if (words !== undefined) {
    sql.unshift('texts MATCH ?');
    values.unshift(words);
  }
  const rows = db
    .prepare(
      `SELECT d.stream, d.user, d.kind, d.position, d.last, d.time, d.facets, title, text, ${snippet} AS snippet
       FROM ${from} WHERE ${sql.join(' AND ')} ORDER BY ${order} LIMIT ? OFFSET ?`,
    )
    .all(...values, query.limit, query.skip ?? 0) as unknown as Row[];
  return rows.map(({ user, last, stream, facets, ...row }) => ({
    ...row,
    stream: stream as StreamKey,
    facets: JSON.parse(facets) as Record<string, string>,
    ...(user === null ? {} : { user }),
    ...(last === null ? {} : { last }),
  }));
}

function conditions(query: SearchQuery): { sql: string[]; values: SQLInputValue[] } {
  const { tenant, user, onlyOwn, kinds, stream, facets = {}, beginnings = {}, since, until, before } = query;
  const sql = ['d.tenant = ?'];
  const values: SQLInputValue[] = [tenant];
  const also = (condition: string, ...given: SQLInputValue[]): void => {
    sql.push(condition);
    values.push(...given);
  };
  if (user !== undefined) also(onlyOwn === true ? 'd.user = ?' : '(d.user = ? OR d.user IS NULL)', user);
  if (kinds !== undefined) also(`d.kind IN (${kinds.map(() => '?').join(', ')})`, ...kinds);
  if (stream !== undefined) also('d.stream = ?', stream);
  if (since !== undefined) also('d.time >= ?', since);
  if (until !== undefined) also('d.time <= ?', until);
  for (const [name, value] of Object.entries(facets))
    also('json_extract(d.facets, ?) = ?', `$."${name}"`, value);
  for (const [name, value] of Object.entries(beginnings))
    also('substr(json_extract(d.facets, ?), 1, length(?)) = ?', `$."${name}"`, value, value);
  if (before !== undefined) also('(d.time, d.position) < (?, ?)', before.time, before.position);
  return { sql, values };
}
