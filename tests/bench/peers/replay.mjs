// The bound of a replay from Node: a table in SQLite with a row per event, read with one statement and written as
// SSE in chunks of 64 KiB. No cursor, no positions to render, nobody else to serve.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const [, , folder = '.', count = '1'] = process.argv;
const database = new DatabaseSync(join(folder, 'replay.db'));
database.exec(
  'PRAGMA journal_mode=WAL; CREATE TABLE event (id INTEGER PRIMARY KEY, time INTEGER, type TEXT, data TEXT)',
);
const insert = database.prepare('INSERT INTO event (time, type, data) VALUES (?, ?, ?)');
const pad = 'x'.repeat(102);
database.exec('BEGIN');
for (let n = 1; n <= Number(count); n++) {
  insert.run(Date.now(), 't', `{"n":"~${String(n).padStart(8, '0')}","pad":"${pad}"}`);
}
database.exec('COMMIT');

const server = createServer(async (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let frames = '';
  for (const row of database.prepare('SELECT * FROM event ORDER BY id').iterate()) {
    frames += `id: ${Number(row.id)}\nevent: ${String(row.type)}\n`;
    frames += `data: {"time":${Number(row.time)},"data":${String(row.data)}}\n\n`;
    if (frames.length < 65_536) continue;
    if (!response.write(frames)) await once(response, 'drain');
    frames = '';
  }
  response.end(frames);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${server.address().port}\n`));
