import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { isProgram } from '../runtime/is-program.ts';
import { browserFindings } from './browser-findings.ts';
import type { Given } from './command.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { dataFolder } from './server-address.ts';
import { videoFindings } from './video-findings.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `absent`: something that a part of the server could use; `missing`: something that it needs. */
  readonly state: 'ok' | 'absent' | 'missing';
  readonly detail: string;
  /** What to do, where something is to be done. */
  readonly remedy?: string;
}

const NODE_NEEDED = 24;
const ROOM_NEEDED = 256 * 2 ** 20;

/** Looks at the machine, in the order in which it is told. Changes nothing. */
export async function findings(given: Given, io: Io): Promise<readonly Finding[]> {
  const folder = dataFolder(given, io);
  const port = portOf(given.text('port') ?? io.env['PLAYHEAD_PORT'] ?? '8080');
  return [
    node(),
    await folderFinding(folder),
    await roomFinding(folder),
    await portFinding(port, io),
    await terminalFinding(),
    await program(
      io,
      'bwrap',
      ['bwrap'],
      'sandboxed commands',
      'Install bubblewrap, or run commands without a sandbox.',
    ),
    ...(await browserFindings(io)),
    ...(await videoFindings()),
    await program(io, 'git', ['git'], "projects' git commands", 'Install git.'),
  ];
}

function node(): Finding {
  const { node: version } = process.versions;
  if (Number(version.split('.')[0]) >= NODE_NEEDED) return { what: 'node', state: 'ok', detail: version };
  return {
    what: 'node',
    state: 'missing',
    detail: `${version} is too old`,
    remedy: `Install Node ${NODE_NEEDED} or later.`,
  };
}

/** Whether the data folder, or the nearest folder above it that exists, can be written: by writing there. */
async function folderFinding(folder: string): Promise<Finding> {
  const what = 'data folder';
  const place = await existing(folder);
  try {
    if (!(await stat(place)).isDirectory()) throw new TypeError(`${place} is not a folder`);
    await access(place, constants.W_OK | constants.X_OK);
    await rm(await mkdtemp(join(place, '.doctor-')), { recursive: true });
    return { what, state: 'ok', detail: place === folder ? folder : `${folder} (will be made)` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      what,
      state: 'missing',
      detail: `${folder} cannot be written: ${reason}`,
      remedy: 'Give it to the user of the server, or choose another with --data or PLAYHEAD_DATA.',
    };
  }
}

async function roomFinding(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existing(folder));
  const room = bavail * bsize;
  const detail = `${(room / 2 ** 30).toFixed(1)} GiB free`;
  if (room >= ROOM_NEEDED) return { what: 'disk', state: 'ok', detail };
  return {
    what: 'disk',
    state: 'missing',
    detail,
    remedy: 'Free some: the log keeps up to 2 GiB unless it is told.',
  };
}

async function existing(path: string): Promise<string> {
  for (let place = path; ; place = dirname(place)) {
    const found = await stat(place).catch(() => undefined);
    if (found !== undefined || dirname(place) === place) return place;
  }
}

/** Whether the port is free, or a Playhead has it already. */
async function portFinding(port: number, io: Io): Promise<Finding> {
  const what = 'port';
  const host = io.env['PLAYHEAD_HOST'] ?? '127.0.0.1';
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return { what, state: 'ok', detail: `${port} is free` };
  if (code === 'EADDRINUSE' && (await isServer(port))) {
    return { what, state: 'ok', detail: `${port} has a server that is alive` };
  }
  return {
    what,
    state: 'missing',
    detail: `${host}:${port} cannot be had (${code})`,
    remedy: 'Choose another with --port or PLAYHEAD_PORT; --port 0 takes any free one.',
  };
}

async function isServer(port: number): Promise<boolean> {
  const url = `http://127.0.0.1:${port}/health/live`;
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(2_000) }).catch(
    () => undefined,
  );
  return answer?.ok === true;
}

async function terminalFinding(): Promise<Finding> {
  const what = 'terminals';
  try {
    await import('@lydell/node-pty');
    return { what, state: 'ok', detail: 'this machine has a prebuilt terminal' };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return {
      what,
      state: 'absent',
      detail: `no terminals for commands: ${reason}`,
      remedy: 'Install with optional dependencies, on a system that has prebuilt ones.',
    };
  }
}

async function program(
  io: Io,
  what: string,
  names: readonly string[],
  use: string,
  remedy: string,
): Promise<Finding> {
  const folders = (io.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = names.flatMap((name) =>
    name.includes('/') ? [name] : folders.map((folder) => join(folder, name)),
  );
  for (const path of paths) {
    if (!(await isProgram(path))) continue;
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
    const version = (stdout ?? '').split('\n')[0]?.trim() ?? '';
    return { what, state: 'ok', detail: version === '' ? path : `${path} (${version.slice(0, 60)})` };
  }
  return { what, state: 'absent', detail: `not found; needed for ${use}`, remedy };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw usageFailure(`${text} is not a port.`);
}
