import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChainCheck } from '../../packages/server/src/cli/chain-check.ts';
import { bareCli, cli } from '../support/cli.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem } from '../support/streams.ts';

let server: TestServer;
let folder: string;
let saved: string[];
const NAME = 'notes/proven';

beforeAll(async () => {
  server = await startServer();
  folder = await mkdtemp(join(tmpdir(), 'playhead-verify-'));
  await cli(server, ['create', NAME]);
  // Batches of one and of several; texts whose bytes a JSON printer would not give back.
  const batches = [['a'], ['b', 'ü😀', '\u2028'], [{ n: 1e21, z: [null, ''] }], ['e', 'f']];
  for (const batch of batches) {
    const body = { events: batch.map((data) => ({ type: 'note', data })) };
    await request(server, `/v1/streams/${NAME}`, { method: 'POST', body });
  }
  saved = (await cli(server, ['tail', NAME, '--proof', '-o', 'json'])).stdout
    .split('\n')
    .filter((line) => line !== '');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function verifyFile(
  lines: readonly string[],
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = join(folder, 'saved.ndjson');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return bareCli(['verify', file, ...args]);
}

/** A saved line with one member changed. */
const changed = (line: string | undefined, change: Record<string, unknown>): string =>
  JSON.stringify({ ...(JSON.parse(line ?? '{}') as Record<string, unknown>), ...change });
const member = (line: string | undefined, name: string): string =>
  String((JSON.parse(line ?? '{}') as Record<string, unknown>)[name]);

describe('F10 a stream', () => {
  test('P-151 a live stream and a saved one are proven, and have the same head', async () => {
    const live = await cli(server, ['verify', NAME]);
    expect(live).toMatchObject({ code: 0, stderr: '' });
    expect(live.stdout).toMatch(/a1 … \S+-a7 {2}head [0-9a-f]{64}\nintact: 7 events\n$/);
    expect((await verifyFile(saved)).stdout).toBe(live.stdout);
    const piped = await bareCli(['verify', '-'], { input: saved.map((line) => `${line}\n`).join('') });
    expect(piped.stdout).toBe(live.stdout);
  });

  test('P-151 a command, a stream of many pages and one that was trimmed in no way', async () => {
    const { stdout } = await cli(server, ['run', '-d', 'seq', '1', '5000']);
    await cli(server, ['tail', stdout.trim()]);
    const end = await cli(server, ['verify', stdout.trim(), '-o', 'json']);
    expect(end.code).toBe(0);
    expect(JSON.parse(end.stdout)).toMatchObject({ intact: true, events: 5002, redacted: 0 });
  });

  test('P-154 a page with proof has the stored text in place of the data, and none without', async () => {
    const page = (await request(server, `/v1/streams/${NAME}?proof=1&limit=2`)).json<{
      events: Record<string, unknown>[];
      chain: { before: string };
    }>();
    expect(page.chain.before).toBe('0'.repeat(64));
    expect(page.events[0]).toMatchObject({ stored: '"a"', nonce: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(page.events[0]).not.toHaveProperty('data');
    expect((await request(server, `/v1/streams/${NAME}?limit=1`)).text).not.toContain('nonce');
    expectProblem(await request(server, `/v1/streams/${NAME}?proof=maybe`), 400, 'invalid-request');
  });

  test('P-154 a volatile stream has no proof, and says so', async () => {
    await cli(server, ['create', '--volatile', 'notes/volatile']);
    await cli(server, ['append', 'notes/volatile', '1']);
    const end = await cli(server, ['verify', 'notes/volatile']);
    expect([end.code, end.stderr.includes('no hash chain')]).toEqual([1, true]);
  });

  test('P-151 an empty stream is intact', async () => {
    await cli(server, ['create', 'notes/empty']);
    expect((await cli(server, ['verify', 'notes/empty'])).stdout).toBe('intact: 0 events\n');
  });
});

describe('F10 the first break is named by its position', () => {
  const broken = async (lines: readonly string[]): Promise<string> => {
    const end = await verifyFile(lines);
    expect(end.code).toBe(1);
    return (end.stdout + end.stderr).split('\n').find((line) => line.includes('broken')) ?? end.stderr;
  };

  test('P-152 changed data, at the event', async () => {
    expect(await broken(saved.with(3, changed(saved[3], { stored: '"B"' })))).toContain(
      `broken at ${member(saved[3], 'position')}: the data is not what was appended`,
    );
  });

  test('P-152 a missing event, behind the one before it', async () => {
    expect(await broken(saved.toSpliced(4, 1))).toContain(
      `broken behind ${member(saved[3], 'position')}: events are missing`,
    );
  });

  test('P-152 repeated and swapped events, at the event', async () => {
    expect(await broken(saved.toSpliced(4, 0, saved[3] ?? ''))).toContain(
      `broken at ${member(saved[3], 'position')}: an event is repeated`,
    );
    const swapped = saved.with(2, saved[3] ?? '').with(3, saved[2] ?? '');
    expect(await broken(swapped)).toContain('events are missing');
  });

  test('P-152 events that were cut off at the end, and a changed type', async () => {
    expect(await broken(saved.slice(0, -1))).toContain(
      `broken behind ${member(saved.at(-2), 'position')}: the chain`,
    );
    expect(await broken(saved.with(5, changed(saved[5], { type: 'other' })))).toContain(
      'the chain does not go on',
    );
  });

  test('P-152 a proof that is gone or malformed', async () => {
    expect(await broken(saved.with(2, changed(saved[2], { nonce: null })))).toContain('proof is missing');
    expect(await broken(saved.with(2, changed(saved[2], { inner: 'x' })))).toContain('proof is missing');
    expect(await broken(saved.slice(1))).toContain('holds no proof');
    expect(await broken([...saved, 'nonsense'])).toContain(`Line ${saved.length + 1}`);
    expect(await broken([])).toContain('nothing to verify');
  });

  test('P-153 a history that was written anew meets no head that was noted before', async () => {
    const [, position = '', head = ''] = /… (\S+) {2}head (\S+)/.exec((await verifyFile(saved)).stdout) ?? [];
    expect((await verifyFile(saved, '--known', `${position}:${head}`)).code).toBe(0);
    const other = await verifyFile(saved, '--known', `${position}:${'0'.repeat(64)}`);
    expect([other.code, other.stdout.includes(`broken at ${position}`)]).toEqual([1, true]);
    const absent = await verifyFile(saved, '--known', `${position}9:${head}`);
    expect([absent.code, absent.stderr.includes('is not among')]).toEqual([1, true]);
    expect((await verifyFile(saved, '--known', 'x')).code).toBe(2);
  });

  test('P-152 no change of a single character goes unnoticed', () => {
    const lines = saved;
    fc.assert(
      fc.property(
        fc.nat(lines.length - 1),
        fc.nat(),
        fc.constantFrom('0', '1', 'a', 'f', 'Z', ' '),
        (line, at, to) => {
          const text = lines[line] ?? '';
          const place = at % text.length;
          const altered = text.slice(0, place) + to + text.slice(place + 1);
          // What the chain covers, or what a reader cannot do without.
          const covered = [
            '"stored":',
            '"inner":',
            '"nonce":',
            '"type":',
            '"position":',
            '"before":',
            '"after":',
          ];
          const name = covered.findLast(
            (each) =>
              text.lastIndexOf(each, place) !== -1 && text.lastIndexOf(each, place) + each.length < place,
          );
          fc.pre(altered !== text && name !== undefined && !isTime(text, place));
          expect(verdict(lines.with(line, altered))).not.toBe('intact');
        },
      ),
      { numRuns: 2000 },
    );
  });

  /** The time, and what a page says besides its chain, are not chained (P-151). */
  function isTime(text: string, place: number): boolean {
    const [from, to] = [text.indexOf('"time":'), text.indexOf('"stored":')];
    return text.includes('"chain":') ? place < text.indexOf('"before":') : place >= from && place < to;
  }

  function verdict(lines: readonly string[]): string {
    const check = new ChainCheck();
    for (const line of lines) {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        return 'malformed';
      }
      const found = line.includes('"chain":') ? check.page(value) : check.event(value);
      if (found !== undefined) return found.reason;
    }
    return check.end()?.reason ?? 'intact';
  }
});

test('F10 what a kill of the server left is proven like anything else', async () => {
  await server.kill('SIGKILL');
  await server.restart();
  await request(server, `/v1/streams/${NAME}`, { method: 'POST', body: { type: 'note', data: 'later' } });
  expect((await cli(server, ['verify', NAME])).stdout).toContain('intact: 8 events');
  expect(await readFile(join(folder, 'saved.ndjson'), 'utf8')).not.toBe('');
});
