import { type FanResult, fan } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { startLoop, startNodePeer } from '../peer.ts';
import { type Playhead, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';
import { playheadOptions } from './sse-fanout.ts';

type Options = Readonly<Record<string, string | number>>;

/** Times `ws`: what is asked for, and what a prototype reached. */
const LEVELS = [
  { subscribers: 1000, inFlight: 1, target: 1.1, aim: 1.3 },
  { subscribers: 1000, inFlight: 16, target: 10, aim: 14 },
  { subscribers: 1000, inFlight: 256, target: 30, aim: 48 },
  { subscribers: 5000, inFlight: 1, target: 1.15, aim: 1.3 },
];

/**
 * One publisher over HTTP, many subscribers on `/v1/socket`, every event committed to SQLite before anyone sees it,
 * against `ws`, which keeps nothing. Then a steady pace, where the latency of the slowest percent counts.
 */
export async function socketFanout(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const playhead = stack.use(await startPlayhead(settings));
  const ws = stack.use(await startNodePeer('ws'));
  const loop = stack.use(await startLoop());
  const websocket: Options = { reader: 'websocket', writer: 'websocket' };
  let streams = 0;
  const rows: Row[] = [];
  for (const { subscribers, inFlight, target, aim } of LEVELS) {
    settings.note(`socket-fanout: ${subscribers} subscribers, ${inFlight} in flight`);
    const common = { subscribers, bytes: 128, 'in-flight': inFlight, seconds: settings.quick ? 2 : 4 };
    const results = await interleave(
      {
        playhead: async () => fan({ ...common, ...(await socketOptions(playhead, `bench/ws${++streams}`)) }),
        ws: () => fan({ ...common, ...websocket, port: ws.port, path: '/', 'write-path': '/publish' }),
        'C loop': () => fan({ ...common, port: loop.port, path: '/subscribe', 'write-path': '/publish' }),
      },
      settings.quick ? 2 : 5,
    );
    for (const name of ['ws', 'C loop'] as const) {
      const ratio = pairwiseRatio(results.playhead.map(deliveries), results[name].map(deliveries));
      rows.push({
        what: `WebSocket fan-out to ${subscribers}, ${inFlight} in flight, against ${name}`,
        playhead: rate(results.playhead),
        peer: rate(results[name]),
        ratio,
        ...(name === 'ws' ? { target: `≥ ${target} (aim ${aim})`, met: ratio >= target } : {}),
      });
    }
  }
  settings.note('socket-fanout: 50 events/s');
  const steady = await fan({
    subscribers: 1000,
    bytes: 128,
    rate: 50,
    seconds: settings.quick ? 5 : 30,
    ...(await socketOptions(playhead, `bench/ws${++streams}`)),
  });
  const { p50, p99 } = steady.latency_ms;
  rows.push({
    what: 'WebSocket, 50 events/s to 1,000: latency',
    playhead: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    peer: '',
    target: 'p99 < 10 ms',
    met: p99 < 10,
  });
  return rows;
}

async function socketOptions(playhead: Playhead, stream: string): Promise<Options> {
  return {
    ...(await playheadOptions(playhead, stream)),
    reader: 'websocket',
    path: '/v1/socket',
    greeting: JSON.stringify({ type: 'subscribe', stream }),
  };
}

function deliveries(result: FanResult): number {
  return result.deliveries_per_second;
}

function rate(results: readonly FanResult[]): string {
  const p99 = median(results.map((result) => result.latency_ms.p99));
  return `${perSecond(median(results.map(deliveries)))}, p99 ${p99.toFixed(1)} ms`;
}
