import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type Cgroup, type Cgroups, findCgroups } from './cgroups.ts';

const found = findCgroups();
const V2 = '/sys/fs/cgroup/cgroup.controllers';
const limits = { memoryBytes: 256 * 2 ** 20, processes: 5, fileBytes: 2 ** 20 };

/** Where the groups of this machine stand. */
function placesOf(group: Cgroup): string[] {
  return group.entrances.map((entrance) => dirname(entrance));
}

/** Runs a script in a group, which it enters by itself as the sandbox does. */
async function runIn(group: Cgroup, script: string): Promise<string> {
  const enter = group.entrances.map((entrance) => `echo 0 > ${entrance}`).join('; ');
  const child = spawn('/bin/sh', ['-c', `${enter}; ${script}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [shown] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return shown;
}

/** A group of v2 of this test's own, as an operator delegates one: undefined where that cannot be. */
function delegate(): string | undefined {
  if (!existsSync(V2)) return undefined;
  const folder = `/sys/fs/cgroup/playhead-test-${process.pid}`;
  try {
    mkdirSync(folder);
    return folder;
  } catch {
    return undefined;
  }
}

describe('a delegated group', () => {
  test('that cannot be used is an error, and not passed over', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'playhead-cgroups-'));
    // A folder of no control group; one whose parent does not exist; one where nothing can be made.
    for (const path of [folder, '/proc/self/none/group', join('/proc', 'playhead')])
      expect(() => findCgroups(path)).toThrow();
    await rm(folder, { recursive: true });
  });

  const delegated = delegate();

  test('holds the groups, and takes limits, where the machine has one to delegate', () => {
    // Machines with the older hierarchy alone have none: there the tests below hold for what is found instead.
    if (delegated === undefined) return;
    try {
      const groups = findCgroups(delegated) as Cgroups;
      expect(groups.kind).toBe('cgroup v2');
      const group = groups.make(limits);
      for (const place of placesOf(group)) expect(dirname(place)).toBe(delegated);
      expect(group.remove()).toBe(true);
    } finally {
      rmdirSync(delegated);
    }
  });
});

describe.skipIf(found === undefined)('a group', () => {
  const groups = found as Cgroups;

  test('bounds how many processes there are together, and is gone when it is empty', async () => {
    const group = groups.make(limits);
    const script = '(for i in 1 2 3 4 5 6 7 8; do (echo up; exec sleep 0.3) & done; wait) 2>/dev/null';
    const started = (await runIn(group, script)).split('\n').length - 1;
    // Besides the shell and its subshell.
    expect(started).toBeGreaterThan(0);
    expect(started).toBeLessThan(limits.processes);
    expect(group.remove()).toBe(true);
    for (const place of placesOf(group)) expect(existsSync(place)).toBe(false);
    // Again, as a server does that is not sure: it stays gone.
    expect(group.remove()).toBe(true);
  });

  test('stays while a process is in it', async () => {
    const group = groups.make(limits);
    const enter = group.entrances.map((entrance) => `echo 0 > ${entrance}`).join('; ');
    const child = spawn('/bin/sh', ['-c', `${enter}; echo in; read line`], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    expect(group.remove()).toBe(false);
    child.stdin.end();
    await once(child, 'close');
    await expect.poll(() => group.remove()).toBe(true);
  });

  test('of a server that is gone is removed by the next; those of one that runs stay', async () => {
    const group = groups.make(limits);
    const [place = ''] = placesOf(group);
    // No process has this number: it is beyond what kernels give.
    const left = join(dirname(place), 'playhead-4194999-left');
    mkdirSync(left);
    findCgroups();
    expect([existsSync(left), existsSync(place)]).toEqual([false, true]);
    expect(group.remove()).toBe(true);
  });
});
