import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppendResult, append } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

const CONNECTIONS = 64;
const BYTES = 128;
const TARGET = 25_000;
/** The same as a share of what bare `node:http` answers on the reference machine, 78,000/s. */
const TARGET_SHARE = 0.32;
const AIM_SHARE = 0.51;
const PATH = '/v1/stream/bench/append';

/** Single appends of one event, each answered when it is committed. */
export async function httpAppend(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const playhead = stack.use(await startPlayhead(settings));
  const bare = stack.use(await startNodePeer('node-http'));
  const memory = stack.use(await startNodePeer('durable-streams'));
  const files = stack.use(
    await startNodePeer('durable-streams', await mkdtemp(join(settings.folder, 'streams-'))),
  );
  await playhead.create('bench/append');
  for (const { port } of [memory, files]) {
    const made = await fetch(`http://127.0.0.1:${port}${PATH}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
    });
    if (!made.ok) throw new Error(`the peer made no stream: ${made.status}`);
  }
  settings.note('http-append');
  const common = { connections: CONNECTIONS, bytes: BYTES, path: PATH, seconds: settings.quick ? 2 : 5 };
  const { playhead: ours, ...peers } = await interleave(
    {
      playhead: () =>
        append({
          ...common,
          port: playhead.port,
          path: '/v1/streams/bench/append',
          headers: KEY_HEADER,
          before: '{"type":"t","data":',
          after: '}',
        }),
      'bare node:http': () => append({ ...common, port: bare.port }),
      'Durable Streams server, in memory': () => append({ ...common, port: memory.port }),
      'Durable Streams server, in files': () => append({ ...common, port: files.port }),
    },
    settings.quick ? 2 : 5,
  );
  const rate = median(ours.map(requests));
  const rows: Row[] = [
    {
      what: `durable appends on ${CONNECTIONS} connections`,
      playhead: describe(ours),
      target: `≥ ${perSecond(TARGET)} on the reference machine`,
      met: rate >= TARGET,
    },
  ];
  for (const [name, theirs] of Object.entries(peers)) {
    const ratio = pairwiseRatio(ours.map(requests), theirs.map(requests));
    rows.push({
      what: `the same, against ${name}`,
      playhead: describe(ours),
      peer: describe(theirs),
      ratio,
      ...(name === 'bare node:http'
        ? { target: `≥ ${TARGET_SHARE} (aim ${AIM_SHARE})`, met: ratio >= TARGET_SHARE }
        : {}),
    });
  }
  return rows;
}

function requests(result: AppendResult): number {
  return result.requests_per_second;
}

function describe(results: readonly AppendResult[]): string {
  const p99 = median(results.map(({ latency_ms }) => latency_ms.p99));
  return `${perSecond(median(results.map(requests)))}, p99 ${p99.toFixed(1)} ms`;
}
