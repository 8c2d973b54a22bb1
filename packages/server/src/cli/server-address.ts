import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Given } from './command.ts';
import { EXIT } from './exit-code.ts';
import { Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';

/** A server, and who the caller is to it. */
export interface ServerAddress {
  /** Without a slash at its end. */
  readonly url: string;
  readonly key: string;
}

/**
 * The server that a command talks to: `--url`, else `PLAYHEAD_URL`, else the default port of this machine. The key is
 * `PLAYHEAD_API_KEY`; a server on this machine also leaves its admin key in its data folder, which is taken where it
 * can be read. That key is sent to a loopback address and nowhere else.
 */
export function serverAddress(given: Given, io: Io): ServerAddress {
  const url = urlOf(given.text('url') ?? set(io.env['PLAYHEAD_URL']), io);
  const key = set(io.env['PLAYHEAD_API_KEY']);
  if (key !== undefined) return { url: url.text, key };
  const file = join(dataFolder(given, io), 'admin.key');
  const found = url.local ? readKey(file) : undefined;
  if (found !== undefined) {
    io.note(`using the admin key in ${file}`);
    return { url: url.text, key: found };
  }
  throw new Failure(
    EXIT.refused,
    'There is no key to show to the server.',
    url.local
      ? `Set PLAYHEAD_API_KEY, or name the server's data folder with --data-folder (${file} cannot be read).`
      : 'Set PLAYHEAD_API_KEY to a key of that server.',
  );
}

/** Where a server on this machine keeps its data, unless it is told otherwise. */
export function dataFolder(given: Given, io: Io): string {
  return resolve(io.cwd, given.text('data-folder') ?? set(io.env['PLAYHEAD_DATA']) ?? '.playhead');
}

function urlOf(text: string | undefined, io: Io): { readonly text: string; readonly local: boolean } {
  const port = set(io.env['PLAYHEAD_PORT']) ?? '8080';
  const url = URL.parse(text ?? `http://127.0.0.1:${port}`);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search + url.hash !== ''
  ) {
    throw usageFailure(
      `${text ?? port} is not the address of a server.`,
      'An address looks like http://127.0.0.1:8080. Keys go into PLAYHEAD_API_KEY.',
    );
  }
  const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  return { text: url.href.replace(/\/+$/, ''), local };
}

function readKey(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

function set(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}
