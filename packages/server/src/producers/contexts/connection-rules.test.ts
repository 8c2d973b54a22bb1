import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Standing } from '../../access/gate.ts';
import { errorAnswer } from './answer.ts';
import { type ClientMessage, readMessage } from './client-message.ts';
import {
  type ConnectionState,
  type Effect,
  type Identity,
  identityOf,
  type Input,
  newConnection,
  type RuleSettings,
  step,
} from './connection-rules.ts';

const rules: RuleSettings = { channels: 4, authMs: 0, graceMs: 5_000, silenceMs: 60_000 };
const VALID: Standing = { kind: 'valid', until: Number.POSITIVE_INFINITY };

function identity(user: string, tenant = 'default'): Identity {
  return { tenant, user, principal: { keyId: `key_${user}`, tenant, userId: user, scopes: new Set() } };
}

const said = (
  message: object,
  now = 0,
  verdict: Extract<Input, { kind: 'message' }>['verdict'] = { kind: 'taken' },
): Input => ({
  kind: 'message',
  message: readMessage(JSON.stringify(message), 'flat', { channels: 4, syncs: 10 }),
  verdict,
  now,
});
const auth = (userId = 'ann', now = 0): Input =>
  said({ type: 'auth', token: 't', userId, requestId: 1 }, now);
const verified = (who = identity('ann')): Input => ({ kind: 'verified', identity: who, connectionId: 'c' });
const subscribe = (...channels: string[]): Input => said({ type: 'subscribe', channels, requestId: 's' });

/** Where a connection stands after some inputs, and what the last of them brought about. */
function after(
  inputs: readonly Input[],
  with_: RuleSettings = rules,
): { state: ConnectionState; effects: readonly Effect[] } {
  let stepped: { state: ConnectionState; effects: readonly Effect[] } = {
    state: newConnection(0),
    effects: [],
  };
  for (const input of inputs) stepped = step(stepped.state, input, with_);
  return stepped;
}

const doing = (effects: readonly Effect[]): string[] =>
  effects.map((effect) =>
    effect.do !== 'answer'
      ? effect.do
      : effect.answer.kind === 'error'
        ? effect.answer.code
        : effect.answer.kind,
  );

describe('the rules of a connection', () => {
  test('CX-3 before auth only auth and heartbeat count', () => {
    for (const type of ['subscribe', 'unsubscribe'])
      expect(doing(after([said({ type, channels: ['tab-events'] })]).effects)).toEqual(['unauthorized']);
    const event = { payload: { kind: 'x' } };
    expect(doing(after([said({ type: 'broadcast', channel: 'tab-events', event })]).effects)).toEqual([
      'unauthorized',
    ]);
    expect(doing(after([said({ type: 'sync', messages: [{}] })]).effects)).toEqual(['unauthorized']);
    expect(doing(after([said({ type: 'heartbeat' })]).effects)).toEqual(['heartbeat']);
    expect(doing(after([auth()]).effects)).toEqual(['verify']);
  });

  test('CX-2 a verified connection is bound; a refused one is where it was', () => {
    const bound = after([auth(), verified()]);
    expect(doing(bound.effects)).toEqual(['authenticated']);
    expect(doing(step(bound.state, subscribe('tab-events'), rules).effects)).toEqual(['join']);
    const no: Input = { kind: 'refused', answer: errorAnswer('unauthorized', 'no') };
    expect(doing(after([auth(), no]).effects)).toEqual(['unauthorized']);
    expect(doing(after([auth(), no, subscribe('tab-events')]).effects)).toEqual(['unauthorized']);
    expect(doing(after([auth(), verified(), auth(), no, subscribe('tab-events')]).effects)).toEqual(['join']);
  });

  test("CX-2 a bound connection never becomes another user's", () => {
    const others = [identity('bob'), identity('ann', 'acme')];
    for (const other of others) {
      const { state, effects } = after([auth(), verified(), auth('bob'), verified(other)]);
      expect(doing(effects)).toEqual(['unauthorized']);
      expect(identityOf(state)).toMatchObject({ user: 'ann', tenant: 'default' });
    }
  });

  test('CX-24 an expired token: unauthorized, a grace, close; a new one in time goes on', () => {
    const expired: Input = { kind: 'tick', now: 1_000, standing: { kind: 'expired' } };
    const first = after([auth(), verified(), expired]);
    expect(doing(first.effects)).toEqual(['unauthorized']);
    expect(doing(step(first.state, subscribe('tab-events'), rules).effects)).toEqual(['unauthorized']);
    expect(doing(step(first.state, { ...expired, now: 5_999 }, rules).effects)).toEqual([]);
    expect(doing(step(first.state, { ...expired, now: 6_000 }, rules).effects)).toEqual([
      'unauthorized',
      'close',
      'clean',
    ]);
    const renewed = after([auth(), verified(), expired, auth(), verified(), subscribe('tab-events')]);
    expect(doing(renewed.effects)).toEqual(['join']);
  });

  test('a credential that was taken back ends the connection at once', () => {
    const revoked: Input = { kind: 'tick', now: 1, standing: { kind: 'revoked' } };
    expect(doing(after([auth(), verified(), revoked]).effects)).toEqual(['unauthorized', 'close', 'clean']);
    expect(doing(after([auth(), verified(), auth(), revoked]).effects)).toEqual([
      'unauthorized',
      'close',
      'clean',
    ]);
  });

  test('CX-17 silence ends it; anything that was said counts, also before auth and what is malformed', () => {
    const tick = (now: number): Input => ({ kind: 'tick', now, standing: undefined });
    expect(doing(after([tick(59_999)]).effects)).toEqual([]);
    expect(doing(after([tick(60_000)]).effects)).toEqual(['connection_error', 'close', 'clean']);
    expect(doing(after([said({}, 30_000), tick(89_999)]).effects)).toEqual([]);
    expect(doing(after([said({}, 30_000), tick(90_000)]).effects)).toContain('close');
  });

  test('the deadline for auth is off by default', () => {
    const tick: Input = { kind: 'tick', now: 10_000, standing: undefined };
    expect(doing(after([tick]).effects)).toEqual([]);
    expect(doing(after([tick], { ...rules, authMs: 10_000 }).effects)).toEqual([
      'unauthorized',
      'close',
      'clean',
    ]);
    expect(
      doing(after([auth(), verified(), { ...tick, standing: VALID }], { ...rules, authMs: 10_000 }).effects),
    ).toEqual([]);
  });

  test('CX-25 what comes too fast is refused with a hint and the connection lives; a flood ends it', () => {
    const limited = after([said({ type: 'heartbeat', requestId: 7 }, 0, { kind: 'limited', retryAfter: 3 })]);
    expect(limited.effects).toMatchObject([
      { to: { id: 7 }, answer: { code: 'rate_limited', retryAfter: 3 } },
    ]);
    expect(limited.state.phase.kind).toBe('anonymous');
    expect(doing(after([said({}, 0, { kind: 'flood' })]).effects)).toEqual([
      'rate_limited',
      'close',
      'clean',
    ]);
  });

  test('CX-15 CX-20 channels: at most so many, and those that are left are no longer counted', () => {
    const joined: Input = { kind: 'joined', channels: ['a', 'b', 'c', 'd'] };
    const bound = [auth(), verified(), joined];
    expect(doing(after([...bound, subscribe('tab-events')]).effects)).toEqual(['invalid_message']);
    expect(doing(after([...bound, subscribe('a', 'global-events')]).effects)).toEqual(['join']);
    const left = said({ type: 'unsubscribe', channels: ['a', 'nothing'], requestId: 1 });
    const { state, effects } = after([...bound, left]);
    expect(effects).toMatchObject([{ do: 'leave', channels: ['a'] }, { answer: { channels: ['a'] } }]);
    expect([...state.channels]).toEqual(['global-events', 'b', 'c', 'd']);
  });
});

describe('whatever comes, in whatever order', () => {
  const text = fc.constantFrom<object>(
    { type: 'auth', token: 't', userId: 'ann' },
    { type: 'auth', token: 't', userId: 'bob', requestId: 2 },
    { type: 'auth', id: 'm', data: { token: 't', userId: 'ann' } },
    { type: 'auth', userId: 'ann' },
    { type: 'subscribe', channels: ['tab-events', 'user-contexts'], requestId: 's' },
    { type: 'subscribe', id: 'm', data: { channels: ['team:x'], after: 4 } },
    { type: 'subscribe', channels: ['a', 'b', 'c', 'd', 'e'] },
    { type: 'unsubscribe', channels: ['tab-events', 'global-events'] },
    { type: 'broadcast', channel: 'tab-events', event: { payload: { kind: 'x' } } },
    { type: 'sync', messages: [{}] },
    { type: 'heartbeat' },
    { type: 'nothing' },
    {},
  );
  const time = fc.integer({ min: 0, max: 200_000 });
  const standing = fc.constantFrom<Standing | undefined>(
    VALID,
    { kind: 'expired' },
    { kind: 'revoked' },
    undefined,
  );
  const input: fc.Arbitrary<Input> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          text,
          time,
          fc.constantFrom(
            'taken' as const,
            'taken' as const,
            'taken' as const,
            'limited' as const,
            'flood' as const,
          ),
        )
        .map(([message, now, kind]) =>
          said(message, now, kind === 'limited' ? { kind, retryAfter: 1 } : { kind }),
        ),
    },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(identity('ann'), identity('bob'), identity('ann', 'acme'))
        .map((who) => verified(who)),
    },
    fc.constant<Input>({ kind: 'refused', answer: errorAnswer('unauthorized', 'no') }),
    fc
      .subarray(['tab-events', 'user-contexts', 'team:x'])
      .map((channels): Input => ({ kind: 'joined', channels })),
    fc.constantFrom('tab-events', 'global-events').map((channel): Input => ({ kind: 'left', channel })),
    fc.tuple(time, standing).map(([now, each]): Input => ({ kind: 'tick', now, standing: each })),
    fc.constant<Input>({ kind: 'closed' }),
  );

  /** Runs all inputs and calls with each step. */
  function run(
    inputs: readonly Input[],
    look: (before: ConnectionState, input: Input, effects: readonly Effect[], now: ConnectionState) => void,
  ): void {
    let state = newConnection(0);
    for (const each of inputs) {
      const { state: next, effects } = step(state, each, rules);
      look(state, each, effects, next);
      state = next;
    }
  }

  const property = (look: Parameters<typeof run>[1], begin: () => void = () => undefined): void =>
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        begin();
        run(inputs, look);
      }),
      { numRuns: 1_000 },
    );

  test('nothing is done for anybody but whom the connection was verified as, while that holds', () => {
    let last: Identity | undefined;
    property(
      (before, each, effects, now) => {
        for (const effect of effects) {
          if (effect.do !== 'join' && effect.do !== 'broadcast' && effect.do !== 'sync') continue;
          expect(before.phase.kind).toBe('bound');
          expect(effect.identity).toBe(last);
        }
        if (each.kind === 'verified' && before.phase.kind === 'verifying' && now.phase.kind === 'bound') {
          if (now.phase.identity === each.identity) last = each.identity;
        }
      },
      () => (last = undefined),
    );
  });

  test('whom it is bound to never changes', () => {
    let bound: Identity | undefined;
    property(
      (_before, _each, _effects, now) => {
        const who = identityOf(now);
        if (bound !== undefined && who !== undefined) {
          expect([who.tenant, who.user]).toEqual([bound.tenant, bound.user]);
        }
        bound ??= who;
      },
      () => (bound = undefined),
    );
  });

  test('CX-18 it is cleaned up exactly once, and nothing happens afterwards', () => {
    let cleaned = 0;
    property(
      (before, _each, effects, now) => {
        if (before.phase.kind === 'closed') expect(effects).toEqual([]);
        cleaned += effects.filter((effect) => effect.do === 'clean').length;
        expect(cleaned).toBe(now.phase.kind === 'closed' ? 1 : 0);
        if (now.phase.kind === 'closed') expect(now.channels.size).toBe(0);
      },
      () => (cleaned = 0),
    );
  });

  test('every message has exactly one answer, now or by what it asks to be done', () => {
    property((before, each, effects) => {
      if (each.kind !== 'message' || before.phase.kind === 'closed') return;
      const answers = effects.filter(
        (effect) =>
          (effect.do === 'answer' && effect.to !== undefined) ||
          ['verify', 'join', 'broadcast', 'sync'].includes(effect.do),
      );
      expect(answers).toHaveLength(1);
    });
  });

  test('it never hears more channels than it may, unless they were joined', () => {
    property((before, each, effects) => {
      const asks = effects.find((effect) => effect.do === 'join');
      if (asks?.do !== 'join') return;
      const all = new Set([...before.channels, ...asks.channels]);
      all.delete('global-events');
      expect(all.size).toBeLessThanOrEqual(rules.channels);
      expect(each.kind).toBe('message');
    });
  });
});

describe('reading messages', () => {
  const read = (message: unknown): ClientMessage =>
    readMessage(typeof message === 'string' ? message : JSON.stringify(message), 'flat', {
      channels: 3,
      syncs: 2,
    });

  test('D-43 each dialect is known by its form', () => {
    expect(read({ type: 'heartbeat' }).request).toEqual({
      dialect: 'flat',
      type: 'heartbeat',
      id: undefined,
    });
    expect(read({ type: 'heartbeat', id: 'm' }).request).toMatchObject({ dialect: 'enveloped', id: 'm' });
    expect(read({ type: 'subscribe', channels: ['a'], requestId: 'r', id: 'm' }).request).toMatchObject({
      dialect: 'flat',
      id: 'r',
    });
    expect(read({ type: 'auth', id: 'm', data: { token: 'Bearer x', userId: 'u' } })).toMatchObject({
      kind: 'auth',
      token: 'x',
    });
    expect(readMessage('{"type":"heartbeat"}', 'enveloped', { channels: 1, syncs: 1 }).request.dialect).toBe(
      'enveloped',
    );
  });

  test.each([
    'not json',
    '[]',
    'null',
    '7',
    '{"type":7}',
    '{"type":"nothing"}',
    '{"type":"__proto__"}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","channels":[]}',
    '{"type":"subscribe","channels":["a","b","c","d"]}',
    '{"type":"subscribe","channels":["a","b"],"after":1}',
    '{"type":"subscribe","channels":["a"],"after":-1}',
    '{"type":"subscribe","channels":["a"],"after":1.5}',
    '{"type":"subscribe","channels":["a"],"requestId":{}}',
    '{"type":"auth","token":"t","userId":""}',
    '{"type":"auth","token":"t","userId":"\\ud800"}',
    '{"type":"auth","token":"t","userId":"a\\u0000"}',
    '{"type":"broadcast","channel":"a","event":{"payload":{"kind":"a b"}}}',
    `{"type":"broadcast","channel":"a","event":{"payload":{"kind":"a","data":${'['.repeat(50)}${']'.repeat(50)}}}}`,
    '{"type":"sync","messages":[1,2,3]}',
    `{"type":"subscribe","channels":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  ])('CX-24 %# what is wrong with a message is told', (text) => {
    expect(read(text)).toMatchObject({ kind: 'malformed', problem: expect.stringMatching(/\w/) });
  });

  test('never throws, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify({ type: 'subscribe', channels: value, data: value })),
        ),
        (text) => {
          read(text);
        },
      ),
    );
  });
});
