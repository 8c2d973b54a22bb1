import { expect, test } from 'vitest';
import { memoryRecords } from '../records/memory/memory-records.ts';
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts';
import { createConsoleSessions } from './console-sessions.ts';
import type { Caller } from './gate.ts';
import { hashKey, type KeyRecord } from './key-record.ts';
import { type Keys, openKeys } from './keys.ts';
import { createPasses } from './passes.ts';
import type { Principal } from './principal.ts';
import { createTickets, type Tickets } from './tickets.ts';

const HERE: Caller = {
  method: 'GET',
  headers: {},
  address: '10.0.0.7',
  secure: false,
  ticket: undefined,
  token: undefined,
};

interface Fixture {
  readonly clock: ManualClock;
  readonly keys: Keys;
  readonly tickets: Tickets;
  readonly principal: Principal;
}

async function fixture(change: Partial<KeyRecord> = {}): Promise<Fixture> {
  const clock = manualClock();
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const keys = await openKeys({ records: memoryRecords(), clock, logger });
  await keys.put({
    id: 'key_1',
    hash: hashKey('rdev_something'),
    key_prefix: 'rdev_',
    name: 'one',
    tenant: 'default',
    user_id: null,
    scopes: ['admin'],
    created_at: new Date(clock.now()).toISOString(),
    expires_at: null,
    allowed_ips: [],
    last_used_at: null,
    origin: 'request',
    ...change,
  });
  const principal = keys.find('rdev_something')?.principal;
  if (principal === undefined) throw new Error('the key is not there');
  const tickets = createTickets(keys, clock, { connectionMs: 30_000, streamMs: 900_000 });
  return { clock, keys, tickets, principal };
}

test('P-122 a ticket for a connection is good once, within 30 s', async () => {
  const { clock, tickets, principal } = await fixture();
  const [used, late] = [tickets.forConnection(principal), tickets.forConnection(principal)];
  expect(tickets.verify(used.text, HERE)).toMatchObject({ keyId: 'key_1', bound: { kind: 'connection' } });
  expect(tickets.verify(used.text, HERE)).toBeUndefined();
  clock.advance(30_000);
  expect(tickets.verify(late.text, HERE)).toBeUndefined();
});

test('P-123 a ticket for a stream may read it alone, for 15 minutes, however strong its key is', async () => {
  const { clock, tickets, principal } = await fixture();
  const { text } = tickets.forStream(principal, 'notes/a');
  clock.advance(899_999);
  for (let i = 0; i < 3; i++) {
    const shown = tickets.verify(text, HERE);
    expect(shown?.bound).toEqual({ kind: 'stream', stream: 'notes/a' });
    expect([...(shown?.scopes ?? [])]).toEqual(['streams:read']);
  }
  clock.advance(1);
  expect(tickets.verify(text, HERE)).toBeUndefined();
});

test('P-124 a ticket and a sign-in end with their key, and are valid where it is', async () => {
  const { clock, keys, tickets, principal } = await fixture({ allowed_ips: ['10.0.0.0/24'] });
  const sessions = createConsoleSessions(keys, clock, 43_200_000);
  const { text } = tickets.forStream(principal, 'notes/a');
  const cookie = sessions.signIn(principal).text;
  const there = { ...HERE, address: '10.0.1.7' };
  for (const [caller, known] of [
    [HERE, true],
    [there, false],
  ] as const) {
    expect(tickets.verify(text, caller) !== undefined).toBe(known);
    expect(sessions.verify(cookie, caller) !== undefined).toBe(known);
  }
  await keys.delete('key_1');
  expect(tickets.verify(text, HERE)).toBeUndefined();
  expect(sessions.verify(cookie, HERE)).toBeUndefined();
});

test('P-124 a ticket does not outlive a key that expires', async () => {
  const expires_at = new Date(manualClock().now() + 60_000).toISOString();
  const { clock, tickets, principal } = await fixture({ expires_at });
  const { text } = tickets.forStream(principal, 'notes/a');
  clock.advance(60_000);
  expect(tickets.verify(text, HERE)).toBeUndefined();
});

test("passes are bounded for each tenant: its own oldest are forgotten, never another's", () => {
  const clock = manualClock();
  const passes = createPasses<number>('p_', clock);
  const other = passes.issue('other', -1, 1_000_000);
  const first = passes.issue('one', 0, 1_000_000);
  for (let i = 1; i < 10_000; i++) passes.issue('one', i, 1_000_000);
  expect(passes.find(first.text)).toBe(0);
  const last = passes.issue('one', 10_000, 1_000_000);
  expect(passes.find(first.text)).toBeUndefined();
  expect(passes.find(last.text)).toBe(10_000);
  expect(passes.find(other.text)).toBe(-1);
});
