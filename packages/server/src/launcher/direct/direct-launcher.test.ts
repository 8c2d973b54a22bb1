import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LaunchFailure, type RunningProcess } from '../launcher.ts';
import { createDirectLauncher } from './direct-launcher.ts';
import { identify, stillRuns } from './process-identity.ts';

const launcher = createDirectLauncher();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'playhead-launcher-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(script: string, env: Record<string, string> = {}): Promise<RunningProcess> {
  return launcher.launch({
    argv: ['/bin/sh', '-c', script],
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', ...env },
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

describe('launch', () => {
  test('gives both outputs and the exit code', async () => {
    const child = await run('echo out; echo err >&2; exit 7');
    expect(await Promise.all([text(child.stdout), text(child.stderr), child.exited])).toEqual([
      'out\n',
      'err\n',
      { kind: 'exited', code: 7 },
    ]);
  });

  test('passes the environment exactly as given', async () => {
    const child = await run('env', { ONE: '1' });
    const names = (await text(child.stdout)).split('\n').map((line) => line.split('=')[0]);
    // A shell adds PWD, SHLVL, OLDPWD and _ by itself.
    expect(names.filter((name) => !['PWD', 'SHLVL', 'OLDPWD', '_', ''].includes(name ?? '')).sort()).toEqual([
      'ONE',
      'PATH',
    ]);
  });

  test('gives an empty input and a group of its own', async () => {
    const child = await run('cat; cut -d " " -f 5 /proc/self/stat');
    expect(Number(await text(child.stdout))).toBe(child.identity.pid);
  });

  test('says why a process did not start', async () => {
    const env = {};
    expect(await reasonOf(launcher.launch({ argv: ['no-such-program'], cwd: folder, env }))).toBe(
      'program-not-found',
    );
    expect(await reasonOf(launcher.launch({ argv: [folder], cwd: folder, env }))).toBe('not-permitted');
    const gone = join(folder, 'gone');
    expect(await reasonOf(launcher.launch({ argv: ['/bin/sh'], cwd: gone, env }))).toBe('folder-not-found');
    const large = ['/bin/sh', 'x'.repeat(4_000_000)] as const;
    expect(await reasonOf(launcher.launch({ argv: large, cwd: folder, env }))).toBe('no-resources');
  });
});

describe('a channel', () => {
  test('is read as descriptor 3 and written as descriptor 4, and its end is told to both sides', async () => {
    const child = await launcher.launch({
      argv: ['/bin/sh', '-c', 'cat <&3 >&4; echo done'],
      cwd: folder,
      env: { PATH: '/usr/bin:/bin' },
      channel: true,
    });
    child.channel?.input.end('through');
    expect(await Promise.all([child.channel && text(child.channel.output), text(child.stdout)])).toEqual([
      'through',
      'done\n',
    ]);
    expect(await child.exited).toEqual({ kind: 'exited', code: 0 });
  });

  test('is there only where it was asked for', async () => {
    const child = await run('ls /proc/self/fd 2>/dev/null | grep -c "^[34]$"');
    expect(child.channel).toBeUndefined();
    child.stdout.resume();
    await child.exited;
  });
});

describe('output', () => {
  test('CM-8 waits for its reader, also when the process has ended before', async () => {
    const child = await run('echo out; echo err >&2');
    await child.exited;
    // Node lets go of what is unread on the turn behind the exit.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await text(child.stdout)).toBe('out\n');
    expect(await text(child.stderr)).toBe('err\n');
  });

  test('D-2 a pipe that is paused stays so when the process ends', async () => {
    const child = await run('echo out');
    let heard = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      heard += piece;
    });
    child.stdout.pause();
    await child.exited;
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toBe('');
    const ended = new Promise((resolve) => child.stdout.once('close', resolve));
    child.stdout.resume();
    await ended;
    expect(heard).toBe('out\n');
  });
});

describe('signal', () => {
  test('reaches grandchildren, also those that outlive the first process', async () => {
    const child = await run('sleep 1000 & echo $!; exit 0');
    expect(await child.exited).toEqual({ kind: 'exited', code: 0 });
    child.signal('SIGKILL');
    // The grandchild holds the pipe: its end is the proof that the grandchild is gone.
    expect(Number(await text(child.stdout))).toBeGreaterThan(0);
    child.signal('SIGKILL');
  });

  test('names the signal that ended the process', async () => {
    const child = await run('sleep 1000');
    child.signal('SIGTERM');
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGTERM' });
  });
});

describe.runIf(process.platform === 'linux')('reap', () => {
  test('kills a process that is provably the one', async () => {
    const child = await run('sleep 1000');
    expect(await launcher.reap(child.identity)).toBe('killed');
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    expect(await launcher.reap(child.identity)).toBe('gone');
  });

  test('never kills a later process of the same id', async () => {
    const child = await run('echo ready; exec sleep 1000');
    await firstChunk(child.stdout);
    const { pid, started } = child.identity;
    const boot = (started ?? '').split(':')[0];
    expect(await launcher.reap({ pid, started: `${boot}:1` })).toBe('gone');
    expect(await launcher.reap({ pid, started: 'another-boot:1' })).toBe('gone');
    expect(await launcher.reap({ pid, started: null })).toBe('unproven');
    expect(stillRuns(child.identity)).toBe(true);
    child.signal('SIGKILL');
    await child.exited;
  });

  test('reads the start of a process whatever its name holds', () => {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ');
    expect(identify(process.pid).started?.split(':')[1]).toBe(fields?.[19]);
  });
});

function firstChunk(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('data', () => resolve());
  });
}
