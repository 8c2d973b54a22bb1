import type { StreamPage } from '@playhead/protocol';
import { expect, it } from 'vitest';
import { completeOf, follow, lines, readAll, start } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { gone } from '../support/processes.ts';
import { outputOf, startTerminal } from '../support/terminal.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { jsonOf } from '../support/sse-client.ts';
import { until } from '../support/within.ts';

const FILLER = '/v1/streams/disk/filler';
const TEXT = 'x'.repeat(30_000);

/** Appends until the log refuses; the numbers that were acknowledged. */
async function fill(server: TestServer): Promise<number[]> {
  const acknowledged: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const { status } = await request(server, FILLER, {
      method: 'POST',
      body: { type: 'n', data: [i, TEXT] },
    });
    if (status === 507) return acknowledged;
    expect(status).toBe(200);
    acknowledged.push(i);
  }
  throw new Error('the log never filled up');
}

/**
 * Deletes what fills the log. While others try to write, a deletion that shares a commit with such an append fails with
 * it, as 507, which says to try again.
 */
async function makeRoom(server: TestServer): Promise<void> {
  await until(async () => {
    const { status } = await request(server, FILLER, { method: 'DELETE' });
    expect([204, 507]).toContain(status);
    return status === 204;
  }, 'the filler to be deleted');
}

async function stored(server: TestServer): Promise<number[]> {
  const numbers: number[] = [];
  for (let after = 'start'; ; ) {
    const { events, next } = (await request(server, `${FILLER}?after=${after}`)).json<StreamPage>();
    if (events.length === 0) return numbers;
    for (const { data } of events) numbers.push((data as [number])[0]);
    after = next;
  }
}

it('D-6 a full log refuses, loses nothing that it acknowledged, fails what ran, and recovers with the space', async () => {
  await using server = await startServer({
    env: {
      PLAYHEAD_CAPACITY: '1048576',
      PLAYHEAD_STORAGE_PATIENCE_MS: '300',
      PLAYHEAD_COMMAND_RETRY_MS: '20',
    },
  });
  await using gate = await makeGate();
  await request(server, FILLER, { method: 'PUT' });
  const id = await start(server, `echo $$; ${gate.wait}; seq 1 200000; sleep 600`);
  await using reader = await follow(server, id);
  const { line } = jsonOf<{ line: string }>(await reader.event('output'));

  const acknowledged = await fill(server);
  expect(acknowledged.length).toBeGreaterThan(5);
  expect((await request(server, '/health/live')).status).toBe(200);
  expect(await stored(server)).toEqual(acknowledged);
  // The command prints more than there is room for. Whatever it gets rid of, it must end by a failure that is told.
  await gate.open();
  await gone(Number(line));
  await makeRoom(server);
  await reader.end();
  expect(completeOf(reader.frames)).toMatchObject({
    exit_code: -1,
    ending: { kind: 'failed', reason: expect.stringMatching(/storage/) as unknown },
  });
  expect(reader.frames.at(-2)?.event).toBe('error');
  expect(reader.rest).toBe('');

  await request(server, FILLER, { method: 'PUT' });
  expect((await request(server, FILLER, { method: 'POST', body: { type: 'n', data: [0] } })).status).toBe(
    200,
  );
});

it('D-6 D-14 a terminal fails on both of its streams while the log stays full, and says so once it can', async () => {
  await using server = await startServer({
    env: {
      PLAYHEAD_CAPACITY: '1048576',
      PLAYHEAD_STORAGE_PATIENCE_MS: '300',
      PLAYHEAD_COMMAND_RETRY_MS: '20',
    },
  });
  await using gate = await makeGate();
  await request(server, FILLER, { method: 'PUT' });
  const terminal = await startTerminal(server, `echo pid $$; ${gate.wait}; seq 1 200000; sleep 600`);
  const [, pid] = /pid (\d+)\r\n/.exec(await terminal.shows('\n')) ?? [];
  await fill(server);
  await gate.open();
  await gone(Number(pid));
  await makeRoom(server);
  const failed = {
    exit_code: -1,
    ending: { kind: 'failed', reason: expect.stringMatching(/storage/) as unknown },
  };
  const events = await terminal.ended();
  expect(events.slice(-2)).toMatchObject([{ type: 'error' }, { type: 'complete', data: failed }]);
  expect(completeOf(await readAll(server, terminal.id))).toMatchObject(failed);
});

it('D-6 D-14 a terminal waits for a log that is full for a while, and loses nothing', async () => {
  await using server = await startServer({
    env: { PLAYHEAD_CAPACITY: '1048576', PLAYHEAD_COMMAND_RETRY_MS: '20' },
  });
  await using gate = await makeGate();
  await request(server, FILLER, { method: 'PUT' });
  const terminal = await startTerminal(server, `echo ready; ${gate.wait}; seq 1 3000`);
  await terminal.shows('ready');
  await fill(server);
  await gate.open();
  // Full still, now that the terminal wants to be told as well.
  expect(await fill(server)).toEqual([]);
  await makeRoom(server);
  const wanted = ['ready', ...Array.from({ length: 3000 }, (_, i) => `${i + 1}`)];
  const events = await terminal.ended();
  expect(outputOf(events).toString()).toBe(wanted.map((line) => `${line}\r\n`).join(''));
  expect(events.at(-1)).toMatchObject({ type: 'complete', data: { exit_code: 0 } });
  expect(lines(await readAll(server, terminal.id))).toEqual(wanted);
});
