import { resolve } from 'node:path';
import { asRecord, type Client, clientOf } from './client.ts';
import { type Command, type Given, OUTPUT_FLAG, SERVER_FLAGS } from './command.ts';
import { durationMs } from './duration.ts';
import { environmentFlag } from './environment-flag.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { showRows } from './table.ts';

const COLUMNS = ['id', 'root', 'shell', 'env', 'timeout_seconds', 'created_at'];

export const projects: Command = {
  name: 'projects',
  summary: 'list and make projects, the folders that commands run in',
  usage: ['projects list [flags]', 'projects create [flags] ID'],
  about: 'Making a project takes an admin key. Without --root the server makes a folder of its own for it.',
  flags: {
    root: { type: 'string', value: 'FOLDER', meaning: "The project's folder, on the server's machine" },
    shell: { type: 'string', value: 'PROGRAM', meaning: 'What runs shell lines there' },
    env: {
      type: 'string',
      short: 'e',
      value: 'NAME=VALUE',
      multiple: true,
      meaning: 'A variable for its commands; may be given again',
    },
    timeout: { type: 'string', value: 'DURATION', meaning: 'How long its commands may run' },
    ...OUTPUT_FLAG,
    ...SERVER_FLAGS,
  },
  takes: 'words',
  words: ['list', 'create'],
  examples: ['playhead projects list', 'playhead projects create site --root /srv/site --timeout 10m'],
  async run(given, io) {
    const [verb = 'list', ...words] = given.words;
    const client = clientOf(given, io);
    switch (verb) {
      case 'list':
        await showRows(await all(client), COLUMNS, given, io);
        return EXIT.done;
      case 'create':
        await showRows([await make(client, words, given, io)], COLUMNS, given, io);
        return EXIT.done;
      default:
        throw usageFailure(`projects has no ${verb}.`, 'It has list and create.');
    }
  },
};

async function all(client: Client): Promise<Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  for (let after = ''; ; ) {
    const query = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
    const { data, meta } = asRecord(await client.json('GET', `/projects${query}`));
    if (Array.isArray(data)) rows.push(...data.map(asRecord));
    const { next } = asRecord(meta);
    if (typeof next !== 'string') return rows;
    after = next;
  }
}

async function make(
  client: Client,
  words: readonly string[],
  given: Given,
  io: Io,
): Promise<Readonly<Record<string, unknown>>> {
  const [id, ...others] = words;
  if (id === undefined || others.length > 0) throw usageFailure('Give the project one id.');
  const { root, shell, timeout } = {
    root: given.text('root'),
    shell: given.text('shell'),
    timeout: given.text('timeout'),
  };
  const answer = await client.json('POST', '/projects', {
    id,
    ...(root === undefined ? {} : { root: resolve(io.cwd, root) }),
    ...(shell === undefined ? {} : { shell }),
    ...(timeout === undefined ? {} : { timeout_seconds: durationMs(timeout, '--timeout') / 1000 }),
    ...environmentFlag(given.all('env')),
  });
  return asRecord(asRecord(answer)['data']);
}
