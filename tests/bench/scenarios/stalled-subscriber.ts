import { fan } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { memoryCourse, watchMemory } from '../memory.ts';
import { startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';
import { playheadOptions } from './sse-fanout.ts';

const READERS = 999;
const IN_FLIGHT = 16;

/**
 * 999 subscribers that read and one that stops for a minute, beside 999 alone. The one gets everything in the
 * end: `fan` fails otherwise.
 */
export async function stalledSubscriber(settings: Settings): Promise<readonly Row[]> {
  await using playhead = await startPlayhead(settings);
  const stall = settings.quick ? 10 : 60;
  settings.note(`stalled-subscriber: one stalls for ${stall} s`);
  let streams = 0;
  const measure = async (
    sleepers: number,
  ): Promise<{ rate: number; memory: readonly number[]; catchUp: number }> => {
    const options = await playheadOptions(playhead, `bench/stall${++streams}`);
    using memory = watchMemory(playhead.pid);
    const result = await fan({
      ...options,
      subscribers: READERS + sleepers,
      'in-flight': IN_FLIGHT,
      stall: sleepers * stall,
      seconds: stall - 1,
    });
    return { rate: result.deliveries_per_second, memory: memory.samples, catchUp: result.catch_up_seconds };
  };
  const { alone, stalled } = await interleave(
    { alone: () => measure(0), stalled: () => measure(1) },
    settings.quick ? 2 : 3,
  );
  const ratio = pairwiseRatio(
    stalled.map(({ rate }) => rate),
    alone.map(({ rate }) => rate),
  );
  const courses = stalled.map(({ memory }) => memoryCourse(memory));
  const growth = median(courses.map(({ last, first }) => last - first));
  const growthAlone = median(
    alone.map(({ memory }) => memoryCourse(memory)).map(({ last, first }) => last - first),
  );
  return [
    {
      what: `999 readers beside one stalled for ${stall} s, against 999 alone`,
      playhead: perSecond(median(stalled.map(({ rate }) => rate))),
      peer: perSecond(median(alone.map(({ rate }) => rate))),
      ratio,
      target: '≥ 0.95',
      met: ratio >= 0.95,
    },
    {
      what: 'memory meanwhile, against 999 alone',
      playhead: courses.at(-1)?.text ?? '',
      peer: memoryCourse(alone.at(-1)?.memory ?? []).text,
      // A stream of this rate that was queued for one reader would grow by hundreds of MiB in that time.
      target: 'flat',
      met: growth - Math.max(0, growthAlone) < 32,
    },
    {
      what: 'the stalled one has caught up after',
      playhead: `${median(stalled.map(({ catchUp }) => catchUp)).toFixed(2)} s`,
    },
  ];
}
