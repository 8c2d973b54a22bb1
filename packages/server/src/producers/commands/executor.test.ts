import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createDirectLauncher } from '../../launcher/direct/direct-launcher.ts';
import type { ProcessIdentity } from '../../launcher/launcher.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ExecuteRequest } from '../executor.ts';
import { type CommandExecutor, createExecutor } from './executor.ts';
import { COMMAND_DEFAULTS } from './settings.ts';
import { createSlots } from './slots.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const root = mkdtempSync(join(tmpdir(), 'playhead-execute-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function executorWith(records = memoryRecords(), slots = createSlots(4)): CommandExecutor {
  return createExecutor({
    launcher: createDirectLauncher(),
    records,
    clock: systemClock,
    logger: quiet,
    settings: {
      ...COMMAND_DEFAULTS,
      projectsFolder: root,
      environment: process.env,
      graceMs: 200,
      lingerMs: 200,
    },
    slots,
    shell: () => 'sh',
  });
}

/** A request, and what was written for it so far. */
function requestOf(command: string, more: Partial<ExecuteRequest> = {}): ExecuteRequest & { text(): string } {
  let written = '';
  return {
    tenant: 'default',
    root,
    cwd: '.',
    command,
    env: {},
    timeLimitMs: 60_000,
    signal: new AbortController().signal,
    output: (from, bytes) => void (written += `${from}:${bytes.toString()}`),
    room: () => undefined,
    text: () => written,
    ...more,
  };
}

describe('the executor', () => {
  test('D-33 runs a line of shell in a folder, and hands its output over before its end', async () => {
    const request = requestOf('printf "%s" "$PLACE"; exit 3', { env: { PLACE: 'here' } });
    const { ended } = await executorWith().execute(request);
    expect(await ended).toEqual({ kind: 'exited', code: 3 });
    expect(request.text()).toBe('stdout:here');
  });

  test('F5 tells a time limit from a stop, and both from an end of its own', async () => {
    const executor = executorWith();
    const late = await executor.execute(requestOf('sleep 60', { timeLimitMs: 50 }));
    expect(await late.ended).toEqual({ kind: 'expired' });
    const stop = new AbortController();
    const stopped = await executor.execute(requestOf('sleep 60', { signal: stop.signal }));
    stop.abort();
    expect(await stopped.ended).toEqual({ kind: 'stopped' });
    const killed = await executor.execute(requestOf('kill -9 $$'));
    expect(await killed.ended).toEqual({ kind: 'signalled', name: 'SIGKILL' });
  });

  test('D-19 refuses a folder outside of the root, and other tenants outside of a sandbox', async () => {
    const executor = executorWith();
    await expect(executor.execute(requestOf('true', { cwd: '..' }))).rejects.toMatchObject({
      code: 'invalid-request',
    });
    await expect(executor.execute(requestOf('true', { tenant: 'other' }))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  test('a refused one takes no slot, and one that ended gives it back', async () => {
    const executor = executorWith(memoryRecords(), createSlots(1));
    await expect(executor.execute(requestOf('true', { cwd: '..' }))).rejects.toThrow();
    const { ended } = await executor.execute(requestOf('sleep 60', { timeLimitMs: 50 }));
    await expect(executor.execute(requestOf('true'))).rejects.toMatchObject({ code: 'overloaded' });
    await ended;
    await (await executor.execute(requestOf('true'))).ended;
  });

  test('what a crash leaves is ended by the next start', async () => {
    const records = memoryRecords();
    const { ended } = await executorWith(records).execute(requestOf('sleep 60'));
    const rows = await records.collection<ProcessIdentity>('executions').list();
    expect(rows).toHaveLength(1);
    await executorWith(records).settle();
    expect(await ended).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    expect(await records.collection('executions').list()).toEqual([]);
  });

  test('closing ends what runs and takes nothing new', async () => {
    const executor = executorWith();
    const { ended } = await executor.execute(requestOf('sleep 60'));
    await executor.close();
    expect(await ended).toEqual({ kind: 'stopped' });
    await expect(executor.execute(requestOf('true'))).rejects.toMatchObject({ code: 'draining' });
  });
});
