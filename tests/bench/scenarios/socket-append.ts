import { type BatchResult, batch } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

const BATCH = 100;
const UNANSWERED = 32;
const TARGET = 100_000;
const AIM = 250_000;

/**
 * Batches on one socket, each answered when it is committed, against `ws` that only parses and answers them. Every
 * run has a stream of its own. The peer also bounds the generator: it cannot be slower than what it is seen to do.
 */
export async function socketAppend(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const playhead = stack.use(await startPlayhead(settings));
  const bare = stack.use(await startNodePeer('ws-answer'));
  settings.note('socket-append');
  const common = { batch: BATCH, bytes: 128, unanswered: UNANSWERED, seconds: settings.quick ? 2 : 3 };
  let streams = 0;
  const results = await interleave(
    {
      playhead: async () => {
        const stream = `bench/socket${++streams}`;
        await playhead.create(stream);
        return batch({
          ...common,
          port: playhead.port,
          path: '/v1/socket',
          headers: KEY_HEADER,
          ...messages(stream),
        });
      },
      bare: () => batch({ ...common, port: bare.port, ...messages('bench/socket') }),
    },
    settings.quick ? 2 : 5,
  );
  const rate = median(results.playhead.map(events));
  return [
    {
      what: `durable appends in batches of ${BATCH} on one WebSocket`,
      playhead: describe(results.playhead),
      target: `≥ ${perSecond(TARGET)} (aim ${perSecond(AIM)})`,
      met: rate >= TARGET,
    },
    {
      what: 'the same, against ws that parses and answers',
      playhead: describe(results.playhead),
      peer: describe(results.bare),
      ratio: pairwiseRatio(results.playhead.map(events), results.bare.map(events)),
    },
  ];
}

function messages(stream: string): Readonly<Record<string, string>> {
  return {
    open: `{"type":"append","id":"~00000000","stream":"${stream}","events":[`,
    before: '{"type":"t","data":',
    after: '}',
    close: ']}',
  };
}

function events(result: BatchResult): number {
  return result.events_per_second;
}

function describe(results: readonly BatchResult[]): string {
  const p99 = median(results.map(({ latency_ms }) => latency_ms.p99));
  return `${perSecond(median(results.map(events)))}, p99 ${p99.toFixed(1)} ms`;
}
