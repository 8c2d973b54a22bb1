import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openComputerSocket } from '../support/computer-socket.ts';
import {
  computers,
  createComputer,
  done,
  nextEvent,
  openEvents,
  startComputerServer,
} from '../support/computers.ts';
import { findChromium } from '../support/optional.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

/** So many at once, and no more (D-34). */
const AT_ONCE = 4;
const ROUNDS = 5;
const COMPUTERS = 20;

describe.skipIf(chromium.missing)('computers that come and go', () => {
  let site: Site;
  let server: TestServer;
  beforeAll(async () => {
    site = await startSite({
      '/': page('home'),
      '/loop': page('loop', '', 'setTimeout(() => { for (;;) {} }, 50)'),
      '/eats': page(
        'eats',
        '',
        'const all = []; setInterval(() => all.push(new Uint8Array(5e7).fill(1)), 1)',
      ),
    });
    server = await startComputerServer(site, {
      env: {
        PLAYHEAD_COMPUTER_PICTURE_MS: '200',
        PLAYHEAD_BROWSER_PAGE_MEMORY: '512MiB',
        // Where many start at once, a page may well take long to answer.
        PLAYHEAD_BROWSER_HANG_MS: '20000',
      },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  async function live(): Promise<void> {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    using socket = await openComputerSocket(server, computer.id);
    await done(server, computer.id, 'navigate', { url: site.url });
    await done(server, computer.id, 'screenshot');
    await computers(server, 'POST', `/${computer.id}/exec/sync`, { command: 'echo file > file' });
    await nextEvent(reader, 'navigation');
    await socket.next('navigation');
  }

  test('CO-24 twenty of them, five times, leave no process, no file and no memory behind', {
    timeout: 600_000,
  }, async () => {
    const memory: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      let left = COMPUTERS;
      const lane = async (): Promise<void> => {
        while (left-- > 0) await live();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      await until(async () => (await descendants(server.pid)).length === 0, 'the end of every browser');
      memory.push(await residentBytes(server.pid));
    }
    for (const folder of ['projects/~computers', 'browsers', 'computers/contexts', 'computers/pictures'])
      await until(
        async () => (await filesIn(join(server.dataFolder, folder))).length === 0,
        `${folder} to be empty`,
      );
    // The first rounds fill what is reused later; after that the process must not grow with every round.
    const growth = (memory.at(-1) ?? 0) - (memory[2] ?? 0);
    expect(
      growth,
      `resident: ${memory.map((bytes) => Math.round(bytes / 2 ** 20)).join(', ')} MiB`,
    ).toBeLessThan(48 * 2 ** 20);
    expect(await openFiles(server.pid)).toBeLessThan(100);
  });

  test('a page in an endless loop is told, and the computer can be had back', async () => {
    await using own = await startComputerServer(site, { env: { PLAYHEAD_BROWSER_HANG_MS: '500' } });
    await using computer = await createComputer(own);
    await using reader = await openEvents(own, computer.id);
    await computers(own, 'POST', `/${computer.id}/navigate`, { url: `${site.url}/loop` });
    // The page answers until its loop begins.
    let asked: unknown;
    await until(async () => {
      asked = (await computers(own, 'POST', `/${computer.id}/html`, {})).json();
      return (asked as { status: string }).status === 'ERROR';
    }, 'the loop to begin');
    expect(asked).toMatchObject({ code: 'not-responding' });
    await nextEvent(reader, 'page_hangs');
    await nextEvent(reader, 'error', ({ code }) => code === 'not-responding');
    expect(await done(own, computer.id, 'navigate', { url: site.url })).toMatchObject({ http_status: 200 });
  });

  test('a page that eats memory loses its own, and the computer lives on', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await computers(server, 'POST', `/${computer.id}/navigate`, { url: `${site.url}/eats` });
    expect(await nextEvent(reader, 'crash')).toMatchObject({ tab_id: expect.any(String) });
    await nextEvent(reader, 'error', ({ code }) => code === 'page-crashed');
    expect(await done(server, computer.id, 'navigate', { url: site.url })).toMatchObject({
      http_status: 200,
    });
  });

  test('SIGTERM stops computers with an ending, and leaves nothing that runs', async () => {
    await using own = await startComputerServer(site);
    const computer = await createComputer(own);
    await using reader = await openEvents(own, computer.id);
    await reader.frame(({ text }) => text.startsWith(': receipt'), 'a receipt');
    const processes = await descendants(own.pid);
    expect(processes.length).toBeGreaterThan(0);
    expect((await own.kill('SIGTERM')).code).toBe(0);
    expect(await nextEvent(reader, 'session_state')).toMatchObject({
      status: 'terminated',
      ending: { kind: 'stopped', by: 'shutdown' },
    });
    for (const pid of processes)
      await until(async () => !(await isRunning(pid)), `process ${pid} to be gone`);
  });
});

/** All processes below one, those that only wait to be asked how they ended left out. */
async function descendants(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const found: number[] = [];
  for (const child of children.trim().split(' ').filter(Boolean).map(Number)) {
    if (await isRunning(child)) found.push(child, ...(await descendants(child)));
  }
  return found;
}

async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
