import { expect, test } from 'vitest';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { streamKey } from '../log/stream-key.ts';
import { memoryRecords } from '../records/memory/memory-records.ts';
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts';
import { openSession, type Session } from './session.ts';
import { createSessionKind, type SessionKind } from './session-kind.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const limits = { uncommittedBytes: 1_000, retryMs: 10, storagePatienceMs: 1_000 };

async function setup(settle: () => Promise<boolean>): Promise<{
  readonly clock: ManualClock;
  readonly sessions: SessionKind;
  open(kind: string): Promise<Session>;
}> {
  const clock = manualClock();
  const log = createMemoryLog({ clock });
  const records = memoryRecords();
  const sessions = createSessionKind({
    ...{ kind: 'things', log, hub: log, records, clock, logger, limits, settle },
  });
  return {
    clock,
    sessions,
    async open(kind) {
      const session = await openSession(sessions.parts, {
        ...{ kind, key: streamKey('acme', `${kind}/one`), first: [] },
        lease: { idle: null, lifetime: null, notice: 0 },
        expiring: () => ({ type: 'expiring', data: '{}' }),
      });
      if (session === undefined) throw new Error('no session');
      return session;
    },
  };
}

/** Lets what was promised happen. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what cannot be settled is tried again until it is', async () => {
  let left = 2;
  let tried = 0;
  const { clock, sessions } = await setup(async () => {
    tried++;
    return left-- === 0;
  });
  await sessions.settle();
  clock.advance(4_999);
  expect(tried).toBe(1);
  for (const times of [2, 3, 3]) {
    clock.advance(5_000);
    await turn();
    expect(tried).toBe(times);
  }
});

test('nothing is settled any more when the server goes', async () => {
  let tried = 0;
  const { clock, sessions } = await setup(async () => ++tried < 0);
  await sessions.settle();
  expect(sessions.draining).toBe(false);
  expect(await sessions.close(async () => {}, 100)).toBe(0);
  clock.advance(60_000);
  expect([tried, sessions.draining]).toEqual([1, true]);
});

test('those of its kind are stopped, and waited for no longer than is said', async () => {
  const { clock, sessions, open } = await setup(async () => true);
  const [thing, other] = [await open('things'), await open('others')];
  const closing = sessions.close(() => new Promise(() => {}), 100);
  expect(thing.cause).toEqual({ kind: 'stopped', by: 'shutdown' });
  expect(other.cause).toBe(undefined);
  clock.advance(100);
  expect(await closing).toBe(1);
  const ended = async (): Promise<void> => {
    await thing.end({ kind: 'stopped', by: 'shutdown' }, [], async () => {});
  };
  expect(await sessions.close(ended, 100)).toBe(0);
});
