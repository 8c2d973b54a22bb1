import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, SERVER_CORE, startChild } from './child.ts';
import type { Settings } from './scenario.ts';

export interface Playhead extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Spawn to ready line, ms. */
  readonly startup: number;
  /** Makes an empty stream. */
  create(stream: string): Promise<void>;
  /** A request as the admin, to any path. Throws unless it is answered 2xx. */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
  /** A POST as the admin, whose answer streams. */
  fetch(path: string, body: unknown): Promise<Response>;
}

const KEY = 'rdev_benchmark_0123456789abcdef0123456789abcdef';
/** The admin's. */
export const API_KEY: string = KEY;
/** For the generators. */
export const KEY_HEADER: string = `X-API-Key: ${KEY}\r\n`;

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What `npm start` runs, without npm. */
export const serveCommand: readonly string[] = [
  process.execPath,
  join(root, 'packages/server/src/main.ts'),
  'serve',
];

/** The server as `npm start` runs it, on the durable log, in a data folder of its own or the one given. */
export async function startPlayhead(
  settings: Settings,
  data?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Playhead> {
  const [node = '', ...rest] = serveCommand;
  const profile = settings.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${settings.profile}`];
  const child = await startChild({
    argv: [node, ...profile, ...rest],
    core: SERVER_CORE,
    cwd: root,
    env: { ...playheadEnvironment(data ?? (await mkdtemp(join(settings.folder, 'data-')))), ...env },
    ready: READY,
  });
  return openPlayhead(child);
}

/** The line that `serve` prints: it holds the URL. */
export const READY: RegExp = /ready at http:\/\/\S+:([0-9]+).*\n/;

export function playheadEnvironment(data: string): Readonly<Record<string, string>> {
  return { PLAYHEAD_DATA: data, PLAYHEAD_PORT: '0', PLAYHEAD_API_KEY: KEY };
}

function openPlayhead(child: Child): Playhead {
  const port = Number(child.ready);
  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    pid: child.pid,
    port,
    startup: child.startup,
    request,
    fetch: (path, body) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    create: async (stream) => void (await request('PUT', `/v1/streams/${stream}`)),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
