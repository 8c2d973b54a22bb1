import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppendResult, append, type CatchUpResult, catchUp, type FanResult, fan } from '../generator.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, startPlayhead } from '../playhead.ts';
import { familyTicks } from '../process-status.ts';
import type { Settings } from '../scenario.ts';
import { perSecond, type Row } from '../table.ts';

const CONNECTIONS = 64;
const STREAMS = 100;
const SUBSCRIBERS = 1000;
const IN_FLIGHT = 16;
const MICROSECONDS_A_TICK = 10_000;

interface Server {
  readonly pid: number;
  readonly port: number;
  readonly headers: string;
}

/** Appends, and what an append cost the server: CPU time of all its threads, µs, which others on the machine blur less. */
interface Appends extends AppendResult {
  readonly cost: number;
}

/**
 * The Durable Streams protocol against the reference server, in memory and in files. Ours asks for a key and commits to
 * SQLite before it answers; the peers ask for none.
 */
export async function durableStreams(settings: Settings): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const { pid, port } = stack.use(await startPlayhead(settings));
  const memory = stack.use(await startNodePeer('durable-streams'));
  const folder = await mkdtemp(join(settings.folder, 'durable-'));
  const files = stack.use(await startNodePeer('durable-streams', folder));
  const ours = { pid, port, headers: KEY_HEADER };
  const servers: Servers = {
    ours,
    memory: { pid: memory.pid, port: memory.port, headers: '' },
    files: { pid: files.pid, port: files.port, headers: '' },
  };
  return [
    ...(await appends(settings, servers)),
    ...(await replays(settings, servers)),
    ...(await fanOut(settings, servers)),
  ];
}

type Servers = Readonly<Record<'ours' | 'memory' | 'files', Server>>;

async function create({ port, headers }: Server, name: string): Promise<void> {
  const [, key = ''] = /X-API-Key: (\S+)/.exec(headers) ?? [];
  const made = await fetch(`http://127.0.0.1:${port}/v1/stream/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
  });
  if (!made.ok) throw new Error(`no stream ${name}: ${made.status} ${await made.text()}`);
}

async function appends(settings: Settings, { ours, memory, files }: Servers): Promise<Row[]> {
  const name = (number: number): string => `append-~${String(number).padStart(8, '0')}`;
  for (const server of [ours, memory, files]) for (let n = 0; n < STREAMS; n++) await create(server, name(n));
  settings.note('durable-streams: appends');
  const measure = (server: Server) => async (): Promise<Appends> => {
    const { pid, port, headers } = server;
    const before = familyTicks(pid);
    const result = await append({
      ...{ port, headers, path: `/v1/stream/${name(0)}`, streams: STREAMS },
      ...{ connections: CONNECTIONS, bytes: 128, seconds: settings.quick ? 2 : 5 },
    });
    return { ...result, cost: ((familyTicks(pid) - before) * MICROSECONDS_A_TICK) / result.items };
  };
  const results = await interleave(
    { ours: measure(ours), memory: measure(memory), files: measure(files) },
    settings.quick ? 3 : 7,
  );
  const what = `appends of 128 bytes, ${CONNECTIONS} connections, ${STREAMS} streams`;
  return [
    row(`${what}, against memory`, results.ours, results.memory, requests, latency, 1.2),
    row(`${what}, against files`, results.ours, results.files, requests, latency, 20),
    cpu(results.ours, results.memory, 'memory'),
    cpu(results.ours, results.files, 'files'),
  ];
}

/** How much less an append costs than the peer's. */
function cpu(ours: readonly Appends[], theirs: readonly Appends[], store: string): Row {
  const text = (results: readonly Appends[]): string =>
    `${median(results.map(({ cost }) => cost)).toFixed(1)} µs`;
  const ratio = pairwiseRatio(
    theirs.map(({ cost }) => cost),
    ours.map(({ cost }) => cost),
  );
  return {
    what: `CPU time of such an append, against ${store}`,
    playhead: text(ours),
    peer: text(theirs),
    ratio,
  };
}

async function replays(settings: Settings, { ours, memory, files }: Servers): Promise<Row[]> {
  const count = settings.quick ? 50_000 : 200_000;
  const path = '/v1/stream/replay';
  settings.note(`durable-streams: storing ${count} events`);
  for (const server of [ours, memory, files]) {
    await create(server, 'replay');
    // The file store takes minutes for what the others have in seconds.
    const items = server === files ? count / 10 : count;
    const { port, headers } = server;
    await append({ port, headers, path, connections: CONNECTIONS, bytes: 1024, items });
  }
  settings.note('durable-streams: replays');
  const measure =
    ({ port, headers }: Server, items: number) =>
    () =>
      catchUp({ port, headers, path, count: items });
  const results = await interleave(
    { ours: measure(ours, count), memory: measure(memory, count), files: measure(files, count / 10) },
    settings.quick ? 3 : 7,
  );
  return [
    row('replay of 1 KiB events, against memory', results.ours, results.memory, megabytes, unitOf, 2),
    row('replay of 1 KiB events, against files', results.ours, results.files, megabytes, unitOf, 2),
  ];
}

async function fanOut(settings: Settings, { ours, memory }: Servers): Promise<Row[]> {
  let made = 0;
  settings.note('durable-streams: fan-out');
  const measure = (server: Server) => async () => {
    const name = `fan/${++made}`;
    await create(server, name);
    const { port, headers } = server;
    return fan({
      ...{
        port,
        headers,
        path: `/v1/stream/${name}?offset=now&live=sse`,
        'write-path': `/v1/stream/${name}`,
      },
      ...{ 'write-headers': headers, subscribers: SUBSCRIBERS, bytes: 128, 'in-flight': IN_FLIGHT },
      seconds: settings.quick ? 2 : 4,
    });
  };
  const results = await interleave({ ours: measure(ours), memory: measure(memory) }, settings.quick ? 3 : 5);
  const what = `SSE fan-out to ${SUBSCRIBERS}, ${IN_FLIGHT} in flight, against memory`;
  return [row(what, results.ours, results.memory, deliveries, delay, 5)];
}

function row<Result>(
  what: string,
  ours: readonly Result[],
  theirs: readonly Result[],
  rate: (result: Result) => number,
  more: (results: readonly Result[]) => string,
  target: number,
): Row {
  const ratio = pairwiseRatio(ours.map(rate), theirs.map(rate));
  const describe = (results: readonly Result[]): string =>
    `${perSecond(median(results.map(rate)))}${more(results)}`;
  return {
    ...{ what, playhead: describe(ours), peer: describe(theirs), ratio },
    ...{ target: `≥ ${target}`, met: ratio >= target },
  };
}

const requests = (result: AppendResult): number => result.requests_per_second;
const megabytes = (result: CatchUpResult): number => result.megabytes_per_second;
const deliveries = (result: FanResult): number => result.deliveries_per_second;
const unitOf = (): string => ' MB';
const latency = (results: readonly AppendResult[]): string =>
  `, p99 ${median(results.map(({ latency_ms }) => latency_ms.p99)).toFixed(1)} ms`;
const delay = (results: readonly FanResult[]): string =>
  `, p99 ${median(results.map(({ latency_ms }) => latency_ms.p99)).toFixed(1)} ms`;
