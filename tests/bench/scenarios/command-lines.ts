import { type ReadResult, read } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { memoryCourse, watchMemory } from '../memory.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, type Playhead, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

const TARGET = 400_000;
const LINE = { marker: '"line":"', until: 'event: complete' };

/** A command that prints as fast as it is read, to one reader. The bound splits and forwards, and keeps nothing. */
export async function commandLines(settings: Settings): Promise<readonly Row[]> {
  await using playhead = await startPlayhead(settings);
  await using bound = await startNodePeer('command-lines');
  const count = settings.quick ? 1_000_000 : 3_000_000;
  settings.note(`command-lines: seq 1 ${count}`);
  const courses: { text: string; first: number; last: number; peak: number }[] = [];
  const { ours, naive } = await interleave(
    {
      ours: async () => {
        using memory = watchMemory(playhead.pid);
        const result = await runSeq(playhead, count);
        courses.push(memoryCourse(memory.samples));
        return result;
      },
      naive: () => read({ port: bound.port, path: `/?n=${count}`, ...LINE }),
    },
    settings.quick ? 3 : 5,
  );
  const rate = median(ours.map(linesPerSecond));
  const last = courses.at(-1);
  return [
    {
      what: `seq 1 ${count} to one reader, against a naive loop without a log`,
      playhead: perSecond(rate),
      peer: perSecond(median(naive.map(linesPerSecond))),
      ratio: pairwiseRatio(ours.map(linesPerSecond), naive.map(linesPerSecond)),
      target: `≥ ${perSecond(TARGET)}`,
      met: rate >= TARGET,
    },
    {
      what: `memory over the last of ${courses.length} runs`,
      playhead: last?.text ?? '',
      // The first run warms the heap up; from then on each must end where the one before did.
      target: 'flat',
      met: last !== undefined && last.peak - (courses[1] ?? last).peak < 32,
    },
  ];
}

async function runSeq(playhead: Playhead, count: number): Promise<ReadResult> {
  const reply = await playhead.request('POST', '/projects/my-project/shell', { command: `seq 1 ${count}` });
  const { id } = (reply as { data: { id: string } }).data;
  const path = `/projects/my-project/events?stream_id=${id}`;
  const result = await read({ port: playhead.port, path, headers: KEY_HEADER, ...LINE });
  if (result.count !== count) throw new Error(`${result.count} of ${count} lines came`);
  return result;
}

function linesPerSecond(result: ReadResult): number {
  return result.per_second;
}
