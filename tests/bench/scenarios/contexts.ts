import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOAD_CORE, runToEnd, SERVER_CORE, startChild } from '../child.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, playheadEnvironment, READY, serveCommand } from '../playhead.ts';
import { whenQuiet } from '../quiet.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const CONNECTIONS = 10_000;
const CLOSING = 1_000;
const TARGETS = { fan: 150, updates: 50, close: 1_000 } as const;

const load = fileURLToPath(new URL('../contexts-load.ts', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));
const key = KEY_HEADER.slice('X-API-Key: '.length).trim();

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Updates {
  readonly latency: Latency;
  readonly sent: number;
  readonly heard: number;
  readonly rate: number;
  readonly index_behind_ms: number;
}

interface Figures {
  readonly fan: Latency;
  readonly updates: Updates;
  readonly close: { readonly ms: number };
}

/**
 * The contexts' socket: one word to everybody on 10,000 connections, 2,000 updates a second that are stored, indexed and
 * delivered, and 1,000 connections that break at once; beside the same conversation with nothing behind it.
 */
export async function contexts(settings: Settings): Promise<readonly Row[]> {
  const own = await measured(settings, () => startServer(settings));
  const peer = await measured(settings, () => startNodePeer('contexts-loop'));
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  const { latency, rate } = own.updates;
  return [
    {
      what: `one global event to the last of ${CONNECTIONS} connections, median (max ${ms(own.fan.max)})`,
      ...{ playhead: ms(own.fan.p50), peer: ms(peer.fan.p50), ratio: own.fan.p50 / peer.fan.p50 },
      ...{ target: `< ${TARGETS.fan} ms`, met: own.fan.p50 < TARGETS.fan },
    },
    {
      what: `an update stored, indexed, delivered: p99 at ${rate.toFixed(0)}/s (p50 ${ms(latency.p50)})`,
      ...{
        playhead: ms(latency.p99),
        peer: ms(peer.updates.latency.p99),
        ratio: latency.p99 / peer.updates.latency.p99,
      },
      ...{ target: `< ${TARGETS.updates} ms, aim 20`, met: latency.p99 < TARGETS.updates },
    },
    { what: 'how far the index was behind at the end', playhead: ms(own.updates.index_behind_ms) },
    {
      what: `${CLOSING} connections that break at once are cleaned up`,
      ...{ playhead: ms(own.close.ms), peer: ms(peer.close.ms), ratio: own.close.ms / peer.close.ms },
      ...{ target: `< ${TARGETS.close} ms`, met: own.close.ms < TARGETS.close },
    },
  ];
}

interface Server extends AsyncDisposable {
  readonly port: number;
}

async function measured({ quick, note }: Settings, start: () => Promise<Server>): Promise<Figures> {
  await using server = await start();
  const run = async <T>(mode: keyof Figures, ...options: (string | number)[]): Promise<T> => {
    note(`contexts: ${mode} on port ${server.port}`);
    const words = ['--mode', mode, '--port', server.port, '--key', key, ...options].map(String);
    return JSON.parse(await runToEnd([process.execPath, load, ...words], LOAD_CORE)) as T;
  };
  const updates = await whenQuiet(() => run<Updates>('updates', '--seconds', quick ? 5 : 30));
  if (updates.heard < updates.sent)
    throw new Error(`contexts: ${updates.sent - updates.heard} updates were not heard`);
  return {
    updates,
    fan: await whenQuiet(() => run<Latency>('fan', '--connections', CONNECTIONS, '--rounds', quick ? 5 : 20)),
    close: await whenQuiet(() => run<Figures['close']>('close', '--connections', CLOSING)),
  };
}

/** The server as it is, but for its limits on one address and one user: all clients are this process. */
async function startServer({ folder }: Settings): Promise<Server> {
  const child = await startChild({
    argv: serveCommand,
    core: SERVER_CORE,
    cwd: root,
    env: {
      ...playheadEnvironment(await mkdtemp(join(folder, 'data-'))),
      PLAYHEAD_CONTEXTS_ANONYMOUS: '20000',
      PLAYHEAD_CONTEXTS_USER_CONNECTIONS: '2000',
      PLAYHEAD_CONTEXTS_USER_RATE: '100000',
      PLAYHEAD_LOG_LEVEL: 'warn',
    },
    ready: READY,
  });
  return { port: Number(child.ready), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
