import { readFile } from 'node:fs/promises';
import { until } from './within.ts';

/** Whether a process still does anything. A zombie does not: it only waits for somebody to ask how it ended. */
export async function runs(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
  // Other systems have no /proc; there the signal's answer stands.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined || !/\) [ZX] /.test(stat);
}

/** Waits until a process is gone. */
export function gone(pid: number): Promise<void> {
  return until(async () => !(await runs(pid)), `process ${pid} to be gone`);
}
