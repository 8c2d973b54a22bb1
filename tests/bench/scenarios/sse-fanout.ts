import { type FanResult, fan } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { type Peer, startLoop, startNchan, startNodePeer } from '../peer.ts';
import { KEY_HEADER, type Playhead, startPlayhead } from '../playhead.ts';
import { residentMegabytes } from '../process-status.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

type Options = Readonly<Record<string, string | number>>;

const SUBSCRIBERS = 1000;
const BYTES = 128;
/** Times `ws` over WebSocket: what is asked for, and what a prototype reached. */
const LEVELS = [
  { inFlight: 1, target: 1.1, aim: 1.2 },
  { inFlight: 16, target: 8, aim: 12 },
  { inFlight: 256, target: 25, aim: 48 },
];
const WEBSOCKET: Options = { reader: 'websocket', writer: 'websocket' };

/**
 * One publisher, a thousand subscribers. Ours: SSE, over HTTP appends, each event committed to SQLite before
 * anyone sees it. The peers keep nothing, and `ws` and Socket.IO publish over WebSocket, which is cheaper.
 */
export async function sseFanout(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const playhead = stack.use(await startPlayhead(settings));
  const ws = stack.use(await startNodePeer('ws'));
  const socketIo = stack.use(await startNodePeer('socket-io'));
  const loop = stack.use(await startLoop());
  const nchan = stack.use(await startNchan(settings));
  if (nchan === undefined) settings.note('nchan is left out: nginx has no such module here');

  const rows: Row[] = [];
  let streams = 0;
  for (const { inFlight, target, aim } of LEVELS) {
    settings.note(`sse-fanout: ${inFlight} in flight`);
    const common = {
      subscribers: SUBSCRIBERS,
      bytes: BYTES,
      'in-flight': inFlight,
      seconds: settings.quick ? 2 : 4,
    };
    const results = await interleave(
      {
        playhead: async () =>
          fan({ ...common, ...(await playheadOptions(playhead, `bench/fan${++streams}`)) }),
        ws: () => fan({ ...common, ...WEBSOCKET, port: ws.port, path: '/', 'write-path': '/publish' }),
        'Socket.IO': () => fan({ ...common, ...WEBSOCKET, ...socketIoOptions(socketIo.port) }),
        ...(nchan === undefined ? {} : { nchan: () => fan({ ...common, ...pathsOf(nchan) }) }),
        'C loop': () => fan({ ...common, ...pathsOf(loop) }),
      },
      settings.quick ? 2 : 5,
    );
    const { playhead: ours, ...peers } = results;
    for (const [name, theirs] of Object.entries(peers)) {
      const ratio = pairwiseRatio(ours.map(deliveries), theirs.map(deliveries));
      rows.push({
        what: `fan-out, ${inFlight} in flight, against ${name}`,
        playhead: rate(ours),
        peer: rate(theirs),
        ratio,
        ...(name === 'ws' ? { target: `≥ ${target} (aim ${aim})`, met: ratio >= target } : {}),
      });
    }
  }
  rows.push({
    what: 'memory after fan-out, against ws',
    playhead: `${residentMegabytes(playhead.pid).toFixed(0)} MiB`,
    peer: `${residentMegabytes(ws.pid).toFixed(0)} MiB`,
  });
  return rows;
}

/** Makes the stream, and says how `fan` publishes and reads it. */
export async function playheadOptions(playhead: Playhead, stream: string): Promise<Options> {
  await playhead.create(stream);
  return {
    port: playhead.port,
    path: `/v1/streams/${stream}`,
    headers: KEY_HEADER,
    'write-path': `/v1/streams/${stream}`,
    'write-headers': KEY_HEADER,
    before: '{"type":"t","data":',
    after: '}',
  };
}

function pathsOf(peer: Peer): Options {
  return { port: peer.port, path: '/subscribe', 'write-path': '/publish' };
}

/** Socket.IO over a bare WebSocket: `40` joins a namespace, `42` is an event. */
function socketIoOptions(port: number): Options {
  const path = '/socket.io/?EIO=4&transport=websocket';
  return {
    port,
    path,
    greeting: '40',
    'write-path': path,
    'write-greeting': '40/publish,',
    before: '42/publish,["e",',
    after: ']',
  };
}

function deliveries(result: FanResult): number {
  return result.deliveries_per_second;
}

function rate(results: readonly FanResult[]): string {
  const p99 = median(results.map((result) => result.latency_ms.p99));
  return `${perSecond(median(results.map(deliveries)))}, p99 ${p99.toFixed(1)} ms`;
}
