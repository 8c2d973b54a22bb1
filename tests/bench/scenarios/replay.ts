import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { append, type ReadResult, read } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { memoryCourse, watchMemory } from '../memory.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, type Playhead, startPlayhead } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

const TARGET = 250_000;

/** How a stored stream is read from its start by one reader. The bound reads a bare table, a row per event. */
export async function replay(settings: Settings): Promise<readonly Row[]> {
  await using playhead = await startPlayhead(settings);
  const count = settings.quick ? 200_000 : 1_000_000;
  await using bound = await startNodePeer(
    'replay',
    await mkdtemp(join(settings.folder, 'replay-')),
    String(count),
  );
  settings.note(`replay: storing ${count} events twice`);
  // On one connection the events have an order to check; single appends on one would take minutes.
  await store(playhead, 'bench/batches', count, {
    connections: 1,
    batch: 100,
    open: '{"events":[',
    close: ']}',
  });
  await store(playhead, 'bench/singles', count, { connections: 64 });
  settings.note('replay: reading');
  using memory = watchMemory(playhead.pid);
  const results = await interleave(
    {
      batches: () => readAll(playhead.port, 'bench/batches', count, 0),
      singles: () => readAll(playhead.port, 'bench/singles', count, 1),
      bound: () => read({ port: bound.port, path: '/', count }),
    },
    settings.quick ? 2 : 5,
  );
  const rows: Row[] = [];
  for (const [name, ours] of [
    ['in batches of 100', results.batches],
    ['one by one', results.singles],
  ] as const) {
    const rate = median(ours.map(perSecondOf));
    rows.push({
      what: `replay of ${count} events appended ${name}, against a bare SQLite table`,
      playhead: describe(ours),
      peer: describe(results.bound),
      ratio: pairwiseRatio(ours.map(perSecondOf), results.bound.map(perSecondOf)),
      target: `≥ ${perSecond(TARGET)}`,
      met: rate >= TARGET,
    });
  }
  return [...rows, { what: 'memory while replaying', playhead: memoryCourse(memory.samples).text }];
}

async function store(
  playhead: Playhead,
  stream: string,
  items: number,
  options: Readonly<Record<string, string | number>>,
): Promise<void> {
  await playhead.create(stream);
  await append({
    port: playhead.port,
    path: `/v1/streams/${stream}`,
    headers: KEY_HEADER,
    before: '{"type":"t","data":',
    after: '}',
    items,
    ...options,
  });
}

async function readAll(port: number, stream: string, count: number, anyOrder: 0 | 1): Promise<ReadResult> {
  const path = `/v1/streams/${stream}?after=start`;
  const result = await read({ port, path, headers: KEY_HEADER, count, 'any-order': anyOrder });
  if (result.count !== count) throw new Error(`${stream}: ${result.count} of ${count} events came`);
  return result;
}

function perSecondOf(result: ReadResult): number {
  return result.per_second;
}

function describe(results: readonly ReadResult[]): string {
  const megabytes = median(results.map(({ megabytes_per_second }) => megabytes_per_second));
  return `${perSecond(median(results.map(perSecondOf)))}, ${megabytes.toFixed(0)} MB/s`;
}
