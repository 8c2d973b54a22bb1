import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { verifyBatches } from '../../packages/server/src/log/chain.ts';
import type { Batch, EventLog } from '../../packages/server/src/log/event-log.ts';
import { openSqliteLog } from '../../packages/server/src/log/sqlite/sqlite-log.ts';
import { streamKey } from '../../packages/server/src/log/stream-key.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-kill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ROUNDS = Number(process.env['PLAYHEAD_KILL_ROUNDS'] ?? 2);
const SEED = Number(process.env['PLAYHEAD_KILL_SEED'] ?? Date.now() % 1_000_000);

interface Acknowledged {
  readonly stream: number;
  readonly sequence: number;
  readonly first: number;
  readonly last: number;
  readonly epoch: string;
}

/** Runs the appending child and kills it once it has acknowledged `after` appends; returns what it acknowledged. */
async function appendUntilKilled(
  folder: string,
  seed: number,
  after: number,
  padding: number,
): Promise<Acknowledged[]> {
  const script = fileURLToPath(new URL('./append-until-killed.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder, String(seed), '20000', String(padding)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    lines += chunk.split('\n').length - 1;
    if (lines > after) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect([child.exitCode, child.signalCode]).not.toEqual([1, null]);
  // A line cut short by the kill was not told whole, so nobody can hold the log to it.
  return text
    .split('\n')
    .slice(1, -1)
    .map((line) => {
      const [stream, sequence, first, last, epoch = ''] = line.split(' ');
      return {
        stream: Number(stream),
        sequence: Number(sequence),
        first: Number(first),
        last: Number(last),
        epoch,
      };
    });
}

async function readAll(log: EventLog, index: number): Promise<Batch[]> {
  const key = streamKey('acme', `chaos/${index}`);
  let at = (await log.bounds(key))?.start;
  const batches: Batch[] = [];
  for (;;) {
    if (at === undefined) throw new Error('The stream is gone.');
    const slice = await log.read(key, at, { events: 5000, bytes: 2 ** 20, proof: true });
    if (slice.kind !== 'events') throw new Error(slice.kind);
    if (slice.batches.length === 0) return batches;
    batches.push(...slice.batches);
    at = slice.next;
  }
}

for (let round = 0; round < ROUNDS * 2; round++) {
  const seed = SEED + round;
  // Every other time the events are so long that the journal is being settled, in portions, when it is killed.
  const padding = round % 2 === 0 ? 0 : 1_500;
  const what = padding === 0 ? 'appending' : 'the journal is settled';
  test(`L1 L2 L3 L4 L7 killed while ${what}, round ${round} (PLAYHEAD_KILL_SEED=${SEED})`, async () => {
    const folder = mkdtempSync(join(root, 'log-'));
    const after = (padding === 0 ? 0 : 400) + ((Math.imul(seed, 2_654_435_761) >>> 8) % 1500);
    const acknowledged = await appendUntilKilled(folder, seed, after, padding);
    await using log = await openSqliteLog({ folder });
    for (const index of [0, 1, 2, 3]) {
      const batches = await readAll(log, index);
      const events = batches.flatMap((batch) =>
        batch.events.map(({ data }, i) => ({ data, offset: batch.first + i })),
      );
      expect(events.map(({ offset }) => offset)).toEqual(events.map((_, i) => i + 1));
      expect(new Set(events.map(({ data }) => data)).size).toBe(events.length);
      expect(verifyBatches(batches)).toMatchObject({ kind: 'intact', events: events.length });
      const mine = acknowledged.filter(({ stream }) => stream === index);
      for (const { sequence, first, last, epoch } of mine) {
        const expected = Array.from({ length: last - first + 1 }, (_, i) => `${index}.${sequence}.${i}`);
        const found = events.slice(first - 1, last).map(({ data }) => String(data).split(' ', 1)[0]);
        expect(found).toEqual(expected);
        expect(batches[0]?.epoch).toBe(epoch);
      }
      for (const { sequence, last, epoch } of mine.slice(-8)) {
        const guard = { kind: 'writer', id: 'chaos', epoch: 0, sequence } as const;
        const again = await log.append(streamKey('acme', `chaos/${index}`), [{ type: 'chaos', data: '' }], {
          guard,
        });
        expect(again).toMatchObject({ kind: 'repeated', position: { epoch, offset: last }, sequence });
      }
    }
  });
}
