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
  const url = configured(given, io);
  const key = keyFor(url, given, io);
  if (key !== undefined) return { url: url.text, key };
  throw new Failure(
    EXIT.refused,
    'There is no key to show to the server.',
    url.local
      ? `Set PLAYHEAD_API_KEY, or name the server's data folder with --data-folder (${keyFile(given, io)} cannot be read).`
      : 'Set PLAYHEAD_API_KEY to a key of that server.',
  );
}

/** The key to show at a URL: that of the server that is configured, if the URL is one of its; no other server sees it. */
export function keyForUrl(url: URL, given: Given, io: Io): string | undefined {
  const server = configured(given, io);
  return addressOf(new URL(server.text)) === addressOf(url) ? keyFor(server, given, io) : undefined;
}

/** `localhost` is 127.0.0.1. Any other loopback address may be somebody else's server. */
function addressOf({ protocol, hostname, port }: URL): string {
  return `${protocol}//${hostname === 'localhost' ? '127.0.0.1' : hostname}:${port}`;
}

function configured(given: Given, io: Io): ServerUrl {
  return urlOf(given.text('url') ?? set(io.env['PLAYHEAD_URL']), io);
}

function keyFor(url: ServerUrl, given: Given, io: Io): string | undefined {
  const key = set(io.env['PLAYHEAD_API_KEY']);
  if (key !== undefined) return key;
  const file = keyFile(given, io);
  const found = url.local ? readKey(file) : undefined;
  if (found !== undefined) io.note(`using the admin key in ${file}`);
  return found;
}

function keyFile(given: Given, io: Io): string {
  return join(dataFolder(given, io), 'admin.key');
}

/** Where a server on this machine keeps its data, unless it is told otherwise. */
export function dataFolder(given: Given, io: Io): string {
  return resolve(io.cwd, given.text('data-folder') ?? set(io.env['PLAYHEAD_DATA']) ?? '.playhead');
}

interface ServerUrl {
  readonly text: string;
  /** Of this machine. */
  readonly local: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function urlOf(text: string | undefined, io: Io): ServerUrl {
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
  return { text: url.href.replace(/\/+$/, ''), local: LOOPBACK.test(url.hostname) };
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
