import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LaunchFailure, type ProcessTerminal, type RunningProcess } from '../launcher.ts';
import { createDirectLauncher } from './direct-launcher.ts';
import { exists } from './process-identity.ts';

const launcher = createDirectLauncher();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'playhead-terminal-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type InTerminal = RunningProcess & { readonly terminal: ProcessTerminal };

async function run(script: string, env: Record<string, string> = {}): Promise<InTerminal> {
  const child = await launcher.launch({
    argv: ['/bin/sh', '-c', script],
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', ...env },
    terminal: { columns: 100, rows: 30 },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error('no terminal');
  return Object.assign(child, { terminal });
}

/** Reads on until the output holds a text; gives all that was read since. */
function until(child: RunningProcess, wanted: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let seen = '';
  const take = (bytes: Buffer): void => {
    seen += bytes.toString();
    if (!seen.includes(wanted)) return;
    child.stdout.off('data', take);
    resolve(seen);
  };
  child.stdout.on('data', take);
  child.stdout.once('close', () => reject(new Error(`it ended with ${JSON.stringify(seen)}`)));
  return promise;
}

describe('a process in a terminal', () => {
  test('D-14 has a terminal of the size that was asked for as input, output and errors', async () => {
    const child = await run('test -t 0 && test -t 1 && test -t 2 && stty size; echo err >&2; exit 7');
    expect(await Promise.all([text(child.stdout), text(child.stderr), child.exited])).toEqual([
      '30 100\r\nerr\r\n',
      '',
      { kind: 'exited', code: 7 },
    ]);
  });

  test('gets the environment exactly as given', async () => {
    const child = await launcher.launch({
      argv: ['env'],
      cwd: folder,
      env: { PATH: '/usr/bin:/bin', ONE: '1' },
      terminal: { columns: 80, rows: 24 },
    });
    expect((await text(child.stdout)).trim().split('\r\n').sort()).toEqual(['ONE=1', 'PATH=/usr/bin:/bin']);
  });

  test('leads a session and a group of its own', async () => {
    const child = await run('cut -d " " -f 5,6 /proc/$$/stat');
    const { pid } = child.identity;
    expect((await text(child.stdout)).trim()).toBe(`${pid} ${pid}`);
  });

  test('says why it did not start', async () => {
    const terminal = { columns: 80, rows: 24 };
    const reasonOf = async (argv: readonly [string, ...string[]], cwd: string = folder): Promise<unknown> => {
      const failed = launcher.launch({ argv, cwd, env: { PATH: '/usr/bin:/bin' }, terminal });
      const error = await failed.catch((error: unknown) => error);
      return error instanceof LaunchFailure ? error.reason : error;
    };
    expect(await reasonOf(['no-such-program'])).toBe('program-not-found');
    expect(await reasonOf([folder])).toBe('not-permitted');
    expect(await reasonOf(['/bin/sh'], join(folder, 'gone'))).toBe('folder-not-found');
    expect(await reasonOf(['/bin/sh', 'x'.repeat(200_000)])).toBe('no-resources');
  });
});

describe('its output', () => {
  test('CM-8 waits for its reader, also when the process has ended before', async () => {
    const child = await run('echo out');
    await child.exited;
    expect(await text(child.stdout)).toBe('out\r\n');
  });

  test('D-2 is whole if it is paused again and again, to behind the end of the process', async () => {
    const child = await run('seq 1 50000');
    let size = 0;
    let last = '';
    child.stdout.on('data', (bytes: Buffer) => {
      size += bytes.length;
      last = bytes.toString();
      child.stdout.pause();
      setImmediate(() => child.stdout.resume());
    });
    await new Promise((resolve) => child.stdout.once('close', resolve));
    expect(size).toBe(Array.from({ length: 50_000 }, (_, i) => `${i + 1}\r\n`).join('').length);
    expect(last.endsWith('50000\r\n')).toBe(true);
  });
});

describe('its keyboard', () => {
  test('D-14 types what is echoed and read', async () => {
    const child = await run('read line; echo "<$line>"');
    child.terminal.type(Buffer.from('grüße\r'));
    expect(await text(child.stdout)).toBe('grüße\r\n<grüße>\r\n');
  });

  test('D-14 Ctrl-C interrupts', async () => {
    const child = await run('trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.01; done');
    const rest = until(child, 'ready');
    await rest;
    const seen = until(child, 'interrupted');
    child.terminal.type(Buffer.from([3]));
    expect(await seen).toContain('^C');
    expect(await child.exited).toEqual({ kind: 'exited', code: 3 });
  });

  test('D-2 holds a bounded amount for a process that does not read, and never waits for it', async () => {
    const child = await run('stty raw -echo; echo ready; exec sleep 1000');
    await until(child, 'ready');
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    expect(child.terminal.type(megabyte)).toBe(true);
    expect(child.terminal.type(megabyte)).toBe(false);
    child.signal('SIGKILL');
    child.stdout.resume();
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGKILL' });
  });

  test('D-2 a process that reads late gets all of it, in order', async () => {
    const child = await run('stty raw -echo; echo ready; sleep 0.2; head -c 300000 | sha256sum');
    await until(child, 'ready');
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => 32 + (i % 90)));
    for (let at = 0; at < bytes.length; at += 7000) child.terminal.type(bytes.subarray(at, at + 7000));
    expect(await until(child, '-')).toContain(createHash('sha256').update(bytes).digest('hex'));
  });

  test('D-14 a new size is told to the process', async () => {
    const child = await run('trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.01; done');
    await until(child, 'ready');
    const seen = until(child, '41');
    child.terminal.resize({ columns: 132, rows: 41 });
    expect(await seen).toContain('41 132');
  });

  test('does nothing once the terminal is closed', async () => {
    const child = await run('exit 0');
    await text(child.stdout);
    expect(child.terminal.type(Buffer.from('x'))).toBe(true);
    child.terminal.resize({ columns: 10, rows: 10 });
    child.terminal.interrupt('SIGINT');
  });
});

describe.runIf(existsSync('/proc/self/stat'))('signals', () => {
  test('reach the jobs of a shell, each in a group of its own, also those that ignore the hang-up', async () => {
    const child = await run(`set -m; (trap '' HUP; exec sleep 1000) & echo "job $!."; wait`);
    const job = Number(/job ([0-9]+)\./.exec(await until(child, '.'))?.[1]);
    expect(fieldOf(job, 2)).toBe(job);
    child.signal('SIGKILL');
    child.stdout.resume();
    await new Promise((resolve) => child.stdout.once('close', resolve));
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    await expect.poll(() => !exists(job) || stateOf(job) === 'Z').toBe(true);
  });

  test('an interruption reaches the foreground alone', async () => {
    const child = await run(`set -m; trap 'echo shell' INT; sleep 1000; echo "after $?"; exit 0`);
    await expect.poll(() => ![-1, 0, child.identity.pid].includes(fieldOf(child.identity.pid, 5))).toBe(true);
    child.terminal.interrupt('SIGTERM');
    expect(await text(child.stdout)).toContain('after 143');
  });

  test('SECURITY a terminal is out of reach of what is started later', async () => {
    const one = await run('echo ready; exec sleep 1000');
    await until(one, 'ready');
    const two = await run('ls -l /proc/self/fd');
    const three = await launcher.launch({ argv: ['/bin/ls', '-l', '/proc/self/fd'], cwd: folder, env: {} });
    expect(await text(two.stdout)).not.toContain('ptmx');
    expect(await text(three.stdout)).not.toContain('ptmx');
    one.signal('SIGKILL');
    one.stdout.resume();
    await one.exited;
  });

  test('reap kills a process in a terminal that an earlier server left', async () => {
    const child = await run(`trap '' HUP; echo ready; while :; do sleep 0.1; done`);
    await until(child, 'ready');
    expect(await launcher.reap(child.identity)).toBe('killed');
    child.stdout.resume();
    expect(await child.exited).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    expect(await launcher.reap(child.identity)).toBe('gone');
  });
});

/** A field behind the name in /proc/…/stat: 2 is the group, 5 the foreground. */
function fieldOf(pid: number, index: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[index]);
}

function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  } catch {
    return 'Z';
  }
}
