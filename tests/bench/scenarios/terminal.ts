import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { runToEnd, SERVER_CORE } from '../child.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { memoryCourse, watchMemory } from '../memory.ts';
import { type Playhead, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const BYTES = 50_000_000;
const TARGET = 0.5;
const LOOP = fileURLToPath(new URL('../peers/terminal.mjs', import.meta.url));

/**
 * A command that prints 50 MB into its terminal, committed to both of its streams, against node-pty's loop that
 * forgets what it reads. Short lines cost what lines cost, so there is a row for those too.
 */
export async function terminal(settings: Settings): Promise<readonly Row[]> {
  await using playhead = await startPlayhead(settings);
  const rows: Row[] = [];
  const peaks: number[] = [];
  for (const [what, length] of [
    ['lines of 1,000 characters', 1000],
    ['lines of 80 characters', 80],
  ] as const) {
    settings.note(`terminal: ${what}`);
    const command = `yes ${'0123456789'.repeat(length / 10)} | head -c ${BYTES}`;
    const { ours, bare } = await interleave(
      {
        ours: async () => {
          using memory = watchMemory(playhead.pid);
          const rate = await print(playhead, command);
          peaks.push(memoryCourse(memory.samples).peak);
          return rate;
        },
        bare: () => loop(command),
      },
      settings.quick ? 3 : 5,
    );
    const ratio = pairwiseRatio(ours, bare);
    rows.push({
      what: `a terminal prints 50 MB, ${what}`,
      playhead: megabytes(median(ours)),
      peer: megabytes(median(bare)),
      ratio,
      ...(length === 1000 ? { target: `≥ ${TARGET}`, met: ratio >= TARGET } : {}),
    });
  }
  // The first runs warm the heap up; from then on each must end where the one before did.
  const warm = peaks[1] ?? 0;
  const last = peaks.at(-1) ?? 0;
  rows.push({
    what: `memory over ${peaks.length} runs, the second against the last`,
    playhead: `${warm.toFixed(0)} → ${last.toFixed(0)} MiB`,
    target: 'flat',
    met: last - warm < 64,
  });
  return rows;
}

/** Bytes per second, until all is committed and the stream is closed. */
async function print(playhead: Playhead, command: string): Promise<number> {
  const began = performance.now();
  const reply = await playhead.request('POST', '/projects/my-project/shell', { command, pty: true });
  const { id } = (reply as { data: { id: string } }).data;
  for (;;) {
    const page = await playhead.request('GET', `/v1/streams/commands/${id}/pty?after=live`);
    if ((page as { closed: boolean }).closed) break;
    await delay(10);
  }
  return (BYTES / (performance.now() - began)) * 1000;
}

async function loop(command: string): Promise<number> {
  const { bytes, ms } = JSON.parse(await runToEnd([process.execPath, LOOP, command], SERVER_CORE)) as {
    bytes: number;
    ms: number;
  };
  if (bytes < BYTES) throw new Error(`${bytes} of ${BYTES} bytes came`);
  return (BYTES / ms) * 1000;
}

function megabytes(rate: number): string {
  return `${(rate / 1e6).toFixed(0)} MB/s`;
}
