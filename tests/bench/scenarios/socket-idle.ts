import { setTimeout as delay } from 'node:timers/promises';
import { hold } from '../generator.ts';
import { median, pairwiseRatio } from '../interleave.ts';
import { startNodePeer } from '../peer.ts';
import { KEY_HEADER, startPlayhead } from '../playhead.ts';
import { residentMegabytes } from '../process-status.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const CONNECTIONS = 10_000;
/** Opened and closed before: what the first connections load and compile is not theirs. */
const FIRST = 100;
const TARGET = 8;
/** Long enough for the garbage of the handshakes to go, and for every connection to be pinged once. */
const SETTLED_AFTER = 20_000;

interface Server {
  readonly pid: number;
  readonly options: Readonly<Record<string, string | number>>;
}

/** Resident memory of sockets that are open and silent. Each round begins with new servers. */
export async function socketIdle(settings: Settings): Promise<readonly Row[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const rounds = settings.quick ? 1 : 3;
  for (let round = 1; round <= rounds; round++) {
    settings.note(`socket-idle: round ${round} of ${rounds}`);
    await using playhead = await startPlayhead(settings);
    await using ws = await startNodePeer('ws');
    // Side by side: what is measured is memory, and most of the time nothing happens.
    const [own, peer] = await Promise.all([
      kibibytesEach({
        pid: playhead.pid,
        options: { port: playhead.port, path: '/v1/socket', headers: KEY_HEADER },
      }),
      kibibytesEach({ pid: ws.pid, options: { port: ws.port } }),
    ]);
    ours.push(own);
    theirs.push(peer);
  }
  const each = median(ours);
  return [
    {
      what: `memory of ${CONNECTIONS} idle WebSockets, each, against ws`,
      playhead: `${each.toFixed(1)} KiB`,
      peer: `${median(theirs).toFixed(1)} KiB`,
      ratio: pairwiseRatio(ours, theirs),
      target: `≤ ${TARGET} KiB`,
      met: each <= TARGET,
    },
  ];
}

async function kibibytesEach({ pid, options }: Server): Promise<number> {
  const first = await hold({ ...options, connections: FIRST });
  await first[Symbol.asyncDispose]();
  await delay(SETTLED_AFTER / 4);
  const before = residentMegabytes(pid);
  await using held = await hold({ ...options, connections: CONNECTIONS });
  await delay(SETTLED_AFTER);
  const after = residentMegabytes(pid);
  // It ends when one of its connections does: memory of fewer would be no figure.
  if (residentMegabytes(held.pid) === 0) throw new Error('not every connection stayed open');
  return ((after - before) * 1024) / CONNECTIONS;
}
