import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../runtime/clock.ts';
import type { CdpSession } from './cdp-connection.ts';

export interface MemoryWatchParts {
  readonly root: CdpSession;
  readonly clock: Clock;
  /** What the process of a page may hold of its own, bytes. */
  readonly pageBytes: number;
  /** Called before such a process is killed. */
  readonly killing: () => void;
}

const EVERY_MS = 2_000;
const PAGE_SIZE = 4_096;

/**
 * Keeps a page from eating the machine: scripts have a bound of Chromium's own, but buffers and pictures have none. Looks
 * every other second at what the pages' processes hold, and kills one that holds too much. Only where there is a /proc.
 */
export function watchMemory({ root, clock, pageBytes, killing }: MemoryWatchParts): Disposable {
  let looking = false;

  async function look(): Promise<void> {
    const { processInfo } = await root.send('SystemInfo.getProcessInfo');
    for (const { type, id } of processInfo) {
      if (type !== 'renderer' || (await privateBytes(id)) <= pageBytes) continue;
      killing();
      process.kill(id, 'SIGKILL');
    }
  }

  const timer = clock.every(EVERY_MS, () => {
    if (looking) return;
    looking = true;
    look()
      // It is gone, or the browser is: both are told elsewhere.
      .catch(() => undefined)
      .finally(() => {
        looking = false;
      });
  });
  return timer;
}

async function privateBytes(pid: number): Promise<number> {
  // Pages: of the program in all, in memory, of these shared with others.
  const [, resident, shared] = (await readFile(`/proc/${pid}/statm`, 'latin1')).split(' ');
  return (Number(resident) - Number(shared)) * PAGE_SIZE;
}
