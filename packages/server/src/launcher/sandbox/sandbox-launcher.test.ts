import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../runtime/clock.ts';
import { createDirectLauncher } from '../direct/direct-launcher.ts';
import { LaunchFailure, type Launcher, type LaunchSpec, type RunningProcess } from '../launcher.ts';
import { createSandboxLauncher } from './sandbox-launcher.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const folders = (process.env['PATH'] ?? '').split(':');
const missing = !folders.some((folder) => existsSync(join(folder, 'bwrap')));
if (missing && process.env['PLAYHEAD_REQUIRE_OPTIONAL'] === '1')
  throw new Error('bubblewrap is not installed');

let top: string;
let root: string;
let launcher: Launcher;

beforeAll(async () => {
  if (missing) return;
  top = await realpath(await mkdtemp(join(tmpdir(), 'playhead-sandbox-')));
  const data = join(top, 'data');
  root = join(data, 'projects', 'one');
  await mkdir(root, { recursive: true });
  const made = await createSandboxLauncher({
    launcher: createDirectLauncher(),
    clock: systemClock,
    logger: silent,
    data,
    projects: join(data, 'projects'),
    settings: {
      network: false,
      memoryBytes: 512 * 2 ** 20,
      processes: 100,
      fileBytes: 2 ** 24,
      paths: [],
      cgroup: undefined,
    },
  });
  if (typeof made === 'string') throw new Error(made);
  launcher = made;
});
afterAll(() => (top === undefined ? undefined : rm(top, { recursive: true, force: true })));

function run(script: string, spec: Partial<LaunchSpec> = {}): Promise<RunningProcess> {
  return launcher.launch({
    argv: ['/bin/sh', '-c', script],
    cwd: root,
    env: { PATH: '/usr/bin:/bin' },
    ...spec,
  });
}

async function reasonOf(launch: Promise<unknown>): Promise<string> {
  const error = await launch.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(LaunchFailure);
  return error instanceof LaunchFailure ? error.reason : '';
}

describe.skipIf(missing)('the sandbox', () => {
  test('D-19 gives both outputs and the exit code, as the direct launcher does', async () => {
    const child = await run('echo out; echo err >&2; exit 7');
    expect(await Promise.all([text(child.stdout), text(child.stderr), child.exited])).toEqual([
      'out\n',
      'err\n',
      { kind: 'exited', code: 7 },
    ]);
  });

  test('passes the environment exactly as given, whatever the names mean to those on the way', async () => {
    const env = {
      PATH: '/usr/bin:/bin',
      ODD: 'a b\n"c" $(d) `e` \\',
      EMPTY: '',
      UID: '5',
      PWD: '/nowhere',
      IFS: 'x',
      code: '1',
      LD_PRELOAD: '',
      ENV: '/nowhere',
      BASH_ENV: '/nowhere',
    };
    const child = await run('', { argv: ['/usr/bin/env', '-0'], env });
    const pairs = (await text(child.stdout)).split('\0').filter((pair) => pair !== '');
    expect(pairs.sort()).toEqual(
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
    expect(await child.exited).toEqual({ kind: 'exited', code: 0 });
  });

  test('runs nothing of a caller outside: a preloaded library is loaded inside alone', async () => {
    const trace = join(root, 'trace');
    const child = await run('true', {
      env: { PATH: '/usr/bin:/bin', LD_DEBUG: 'files', LD_DEBUG_OUTPUT: trace },
    });
    await child.exited;
    const files = readdirSync(root).filter((name) => name.startsWith('trace'));
    const traced = await Promise.all(files.map((name) => readFile(join(root, name), 'utf8')));
    expect(files.length).toBeGreaterThan(0);
    expect(traced.join('')).not.toMatch(/bwrap|prlimit/);
  });

  test('says why a process did not start', async () => {
    const env = { PATH: '/usr/bin:/bin' };
    const launch = (argv: LaunchSpec['argv'], cwd: string = root): Promise<unknown> =>
      launcher.launch({ argv, cwd, env, confinement: { root, sandboxed: true, offline: false } });
    expect(await reasonOf(launch(['no-such-program']))).toBe('program-not-found');
    expect(await reasonOf(launch([root]))).toBe('not-permitted');
    expect(await reasonOf(launch(['/bin/sh'], join(root, 'gone')))).toBe('folder-not-found');
    expect(await reasonOf(launch(['/bin/sh', 'x'.repeat(4_000_000)]))).toBe('no-resources');
    // What exists outside alone does not exist.
    expect(await reasonOf(launch([join(top, 'data', 'records.db')]))).toBe('program-not-found');
  });

  test('a program whose path holds = is a program', async () => {
    const program = join(root, 'a=b');
    await writeFile(program, '#!/bin/sh\nexit 9\n', { mode: 0o755 });
    expect(await (await run('', { argv: [program] })).exited).toEqual({ kind: 'exited', code: 9 });
  });

  test.each([
    ['SIGTERM', 15],
    ['SIGKILL', 9],
    ['SIGSEGV', 11],
    ['SIGUSR1', 10],
  ] as const)(
    'F5 a command that dies of %s says so, and one that exits with that number does not',
    async (name, n) => {
      const dies = await run(`kill -${n} $$`);
      expect(await dies.exited).toEqual({ kind: 'signalled', name });
      const exits = await run(`exit ${128 + n}`);
      expect(await exits.exited).toEqual({ kind: 'exited', code: 128 + n });
    },
  );

  test('F5 signals reach the command, which may answer them', async () => {
    const child = await run('trap "echo heard; exit 5" TERM; echo ready; while :; do sleep 0.02; done');
    const output = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
    expect((await output.next()).value).toBe('ready\n');
    child.signal('SIGTERM');
    expect((await output.next()).value).toBe('heard\n');
    expect(await child.exited).toEqual({ kind: 'exited', code: 5 });
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGKILL', 'SIGHUP'] as const)(
    'F5 %s to the group ends it',
    async (name) => {
      const child = await run('echo ready; exec sleep 1000');
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.signal(name);
      expect(await child.exited).toEqual({ kind: 'signalled', name });
    },
  );

  test('what a command leaves behind ends with it', async () => {
    const child = await run('(trap "" HUP TERM; setsid sleep 1000) & setsid -f sleep 1000; exit 3');
    expect(await child.exited).toEqual({ kind: 'exited', code: 3 });
    // Both hold the pipe: its end is the proof.
    expect(await text(child.stdout)).toBe('');
  });

  test('reaps by the identity that outlives the server', async () => {
    const child = await run('sleep 1000');
    expect(await launcher.reap(child.identity)).toBe('killed');
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    expect(await launcher.reap(child.identity)).toBe('gone');
  });

  test('D-14 runs in a terminal, which is its own', async () => {
    const child = await run('tty; stty size; test -t 0 && test -t 1 && exit 4', {
      terminal: { columns: 80, rows: 24 },
    });
    const shown = await text(child.stdout);
    expect(await child.exited).toEqual({ kind: 'exited', code: 4 });
    expect(shown).toContain('24 80');
  });

  test('D-14 Ctrl-C ends the command, not the sandbox around it', async () => {
    const script = 'trap "echo heard; exit 6" INT; echo ready; while :; do sleep 0.02; done';
    const child = await run(script, { terminal: { columns: 80, rows: 24 } });
    let shown = '';
    const done = new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        if (!shown.includes('ready') && (shown + piece).includes('ready'))
          child.terminal?.type(Buffer.from('\x03'));
        shown += piece;
      });
      child.stdout.once('close', resolve);
    });
    expect(await child.exited).toEqual({ kind: 'exited', code: 6 });
    await done;
    expect(shown).toContain('heard');
  });

  test('D-19 refuses roots that hold or are the server’s, also by way of a link', async () => {
    const data = join(top, 'data');
    await symlink(data, join(root, 'link'));
    for (const folder of [
      data,
      top,
      '/',
      '/etc',
      '/tmp',
      join(data, 'projects'),
      join(data, 'sandbox'),
      join(root, 'link'),
    ]) {
      const confinement = { root: folder, sandboxed: true, offline: false };
      expect(await reasonOf(run('true', { cwd: folder, confinement }))).toBe('not-permitted');
    }
  });

  test('leaves neither reports nor groups', async () => {
    const child = await run('true');
    await child.exited;
    expect(readdirSync(join(top, 'data', 'sandbox'))).toEqual([]);
    expect(existsSync(root)).toBe(true);
  });
});
