import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  claimable,
  currentWake,
  deadlineOf,
  type Effect,
  type Input,
  isCurrent,
  type Lifecycle,
  newLifecycle,
  statusOf,
  step,
} from './lifecycle.ts';

const LEASE = 1_000;
const RETRY = { firstMs: 100, longestMs: 800 };

/** What a driver does with the machine: it keeps what was saved, and remembers what it woke with. */
class Run {
  state: Lifecycle;
  now = 1_000_000;
  pending = false;
  saved: Lifecycle;
  effects: readonly Effect[] = [];
  readonly woken: { readonly wake: string; readonly generation: number }[] = [];
  #wakes = 0;

  constructor(kind: Lifecycle['kind']) {
    this.state = newLifecycle(kind, LEASE);
    this.saved = this.state;
  }

  take(input: Input, jitter = 0): void {
    const freshWake = `w${++this.#wakes}`;
    const around = { now: this.now, pending: this.pending, freshWake, jitter, retry: RETRY };
    ({ state: this.state, effects: this.effects } = step(this.state, input, around));
    for (const effect of this.effects) {
      if (effect === 'save') this.saved = this.state;
      if (effect === 'wake')
        this.woken.push({ wake: currentWake(this.state) ?? '', generation: this.state.generation });
    }
  }

  get wake(): string {
    return currentWake(this.state) ?? '';
  }

  /** Something is appended. */
  append(): void {
    this.pending = true;
    this.take({ kind: 'moved' });
  }

  begin(): void {
    this.take({ kind: 'began', wake: this.wake });
  }

  attempted(outcome: 'done' | 'accepted' | 'failed'): void {
    if (outcome === 'done') this.pending = false;
    this.take({ kind: 'attempted', wake: this.wake, outcome });
  }

  /** Lets time pass to the next deadline. */
  elapse(): void {
    this.now = deadlineOf(this.state) ?? this.now;
    this.take({ kind: 'tick' });
  }
}

describe('a webhook', () => {
  test('P-267 what is pending wakes once, with the next generation, and not again while it is being dealt with', () => {
    const run = new Run('webhook');
    run.take({ kind: 'moved' });
    expect(run.state.phase.kind).toBe('idle');
    run.append();
    expect(run.effects).toEqual(['save', 'wake']);
    run.begin();
    run.append();
    expect(run.effects).toEqual([]);
    run.attempted('accepted');
    run.append();
    expect(run.woken).toEqual([{ wake: run.wake, generation: 1 }]);
  });

  test('P-272 `done` ends the wake; what came behind it is the next one', () => {
    const run = new Run('webhook');
    run.append();
    run.begin();
    run.attempted('done');
    expect(run.state.phase.kind).toBe('idle');
    run.append();
    run.begin();
    const first = run.wake;
    run.take({ kind: 'attempted', wake: first, outcome: 'done' });
    expect(run.state).toMatchObject({ generation: 3, phase: { kind: 'waking' } });
    expect(run.wake).not.toBe(first);
  });

  test('P-273 a failed call is made again with the same wake, later and later', () => {
    const run = new Run('webhook');
    run.state = { ...run.state, leaseMs: 100_000 };
    run.append();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      run.begin();
      run.attempted('failed');
      expect(statusOf(run.state)).toBe('failed');
      const from = run.now;
      run.elapse();
      waits.push(run.now - from);
    }
    expect(waits).toEqual([100, 200, 400, 800, 800, 800]);
    expect(new Set(run.woken.map(({ wake }) => wake)).size).toBe(1);
    expect(run.state.generation).toBe(1);
    run.begin();
    run.attempted('accepted');
    expect(statusOf(run.state)).toBe('active');
    run.elapse();
    run.begin();
    run.attempted('failed');
    expect(deadlineOf(run.state)).toBe(run.now + 100);
  });

  test('P-281 a lease that ends in the call breaks it off, and the next one is a new wake', () => {
    const run = new Run('webhook');
    run.append();
    run.begin();
    const first = run.wake;
    run.elapse();
    expect(run.effects).toContain('cancel');
    expect(isCurrent(run.state, first, 1)).toBe(false);
    run.elapse();
    expect(run.state).toMatchObject({ generation: 2, phase: { kind: 'waking' } });
  });

  test('P-274 a callback before the answer has the lease, also of a call that failed', () => {
    const run = new Run('webhook');
    run.append();
    run.begin();
    run.take({ kind: 'ack', done: false });
    run.attempted('failed');
    expect(run.state.phase.kind).toBe('waiting');
    run.take({ kind: 'ack', done: false });
    expect(run.state.phase.kind).toBe('held');
    run.pending = false;
    run.take({ kind: 'ack', done: true });
    expect(run.state.phase.kind).toBe('idle');
  });
});

describe('pull-wake', () => {
  test('P-279 one worker has the lease until it is done, lets go or is silent', () => {
    const run = new Run('pull-wake');
    run.append();
    run.attempted('accepted');
    expect(run.state.phase.kind).toBe('offered');
    expect(claimable(run.state, true)).toBe('yes');
    run.take({ kind: 'claim', worker: 'one' });
    expect(claimable(run.state, true)).toBe('held');
    run.now += LEASE - 1;
    run.take({ kind: 'ack', done: false });
    run.now += LEASE - 1;
    run.take({ kind: 'tick' });
    expect(run.state.phase).toMatchObject({ kind: 'held', holder: 'one' });
    run.elapse();
    expect(run.state).toMatchObject({ generation: 2, phase: { kind: 'waking' } });
    run.take({ kind: 'claim', worker: 'two' });
    run.take({ kind: 'release' });
    expect(run.state).toMatchObject({ generation: 3, phase: { kind: 'waking' } });
  });

  test('P-278 an offer of nothing is taken back, so that the next event is announced', () => {
    const run = new Run('pull-wake');
    run.append();
    run.attempted('accepted');
    run.pending = false;
    run.take({ kind: 'moved' });
    expect(run.state.phase.kind).toBe('idle');
    run.append();
    expect(run.effects).toEqual(['save', 'wake']);
  });

  test('P-279 a worker that comes before the wake event gets a generation of its own', () => {
    const run = new Run('pull-wake');
    run.pending = true;
    run.take({ kind: 'claim', worker: 'early' });
    expect(run.state).toMatchObject({ generation: 1, phase: { kind: 'held' } });
    expect(run.effects).toEqual(['save']);
  });

  test('P-278 a nudge does not wait for the next attempt', () => {
    const run = new Run('pull-wake');
    run.append();
    run.attempted('failed');
    run.take({ kind: 'nudge' });
    expect(run.effects).toEqual(['wake']);
    expect(run.state.generation).toBe(1);
  });
});

type Happening =
  | { readonly kind: 'append' | 'vanish' | 'begin' | 'elapse' | 'release' | 'restart' | 'nudge' | 'moved' }
  | { readonly kind: 'answer'; readonly outcome: 'done' | 'accepted' | 'failed'; readonly late: boolean }
  | { readonly kind: 'claim'; readonly worker: string }
  | { readonly kind: 'ack'; readonly done: boolean; readonly all: boolean }
  | { readonly kind: 'pass'; readonly ms: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('append', 'vanish', 'begin', 'elapse', 'release', 'restart', 'nudge', 'moved'),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    outcome: fc.constantFrom('done', 'accepted', 'failed'),
    late: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('claim' as const), worker: fc.constantFrom('one', 'two') }),
  fc.record({ kind: fc.constant('ack' as const), done: fc.boolean(), all: fc.boolean() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3 * LEASE }) }),
);

/** Does what happens as the driver would. */
function happen(run: Run, what: Happening, jitter: number): void {
  switch (what.kind) {
    case 'append':
      return run.append();
    case 'vanish':
      run.pending = false;
      return run.take({ kind: 'moved' });
    case 'begin':
      return run.begin();
    case 'elapse':
      return run.elapse();
    case 'moved':
    case 'nudge':
      return run.take({ kind: what.kind }, jitter);
    case 'pass':
      run.now += what.ms;
      return run.take({ kind: 'tick' }, jitter);
    case 'answer': {
      const wake = what.late ? (run.woken.at(-2)?.wake ?? 'none') : run.wake;
      if (what.outcome === 'done' && wake === run.wake) run.pending = false;
      return run.take({ kind: 'attempted', wake, outcome: what.outcome }, jitter);
    }
    case 'claim':
      if (run.state.kind === 'pull-wake' && claimable(run.state, run.pending) === 'yes')
        run.take({ kind: 'claim', worker: what.worker });
      return;
    case 'release':
      if (run.state.phase.kind === 'held' && run.state.kind === 'pull-wake') run.take({ kind: 'release' });
      return;
    case 'ack':
      // Only who was given a token: a webhook's receiver, or a worker that claimed.
      if (run.state.kind === 'pull-wake' && run.state.phase.kind !== 'held') return;
      if (currentWake(run.state) === undefined) return;
      if (what.all) run.pending = false;
      return run.take({ kind: 'ack', done: what.done });
    case 'restart':
      run.state = run.saved;
      return run.take({ kind: 'resume' });
  }
}

test.each(['webhook', 'pull-wake'] as const)('P-267 P-277 P-281 P-282 whatever happens to a %s', (kind) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(happening, fc.double({ min: -1, max: 1, noNaN: true })), { maxLength: 60 }),
      (story) => {
        const run = new Run(kind);
        for (const [what, jitter] of story) {
          const before = run.state;
          const woken = run.woken.length;
          happen(run, what, jitter);
          const { state } = run;
          const { phase } = state;

          // A generation is never used twice: it only grows, and with it the wake changes.
          expect(state.generation).toBeGreaterThanOrEqual(before.generation);
          expect(state.generation - before.generation).toBeLessThanOrEqual(1);
          if (currentWake(state) !== undefined && state.generation === before.generation)
            expect([undefined, currentWake(state)]).toContain(currentWake(before));

          // Nobody is woken with what a restart would not know.
          for (const { wake, generation } of run.woken.slice(woken)) {
            expect(isCurrent(run.saved, wake, generation)).toBe(true);
            expect(run.pending).toBe(true);
          }
          expect(run.saved.generation).toBe(state.generation);

          // What is pending is never forgotten; what is not costs nothing.
          if (phase.kind === 'idle') expect(run.pending).toBe(false);
          if (phase.kind === 'idle' || phase.kind === 'offered') expect(deadlineOf(state)).toBeUndefined();
          if (phase.kind === 'held') expect(deadlineOf(state)).toBeLessThanOrEqual(run.now + LEASE);
          if (phase.kind === 'waiting') {
            expect(phase.retryAt - run.now).toBeLessThanOrEqual(RETRY.longestMs * 1.2);
            expect(statusOf(state)).toBe('failed');
          }

          // A lease is never taken from a worker before it is over.
          if (before.phase.kind === 'held' && phase.kind === 'held' && what.kind !== 'restart')
            expect(phase.holder).toBe(before.phase.holder);
        }

        // Left alone, with a webhook that answers, everything comes to rest.
        for (let i = 0; i < 10 && run.state.phase.kind !== 'idle'; i++) {
          if (run.state.phase.kind === 'waking') {
            run.begin();
            run.attempted(kind === 'webhook' ? 'done' : 'accepted');
          } else if (run.state.phase.kind === 'offered') {
            run.take({ kind: 'claim', worker: 'last' });
            run.pending = false;
            run.take({ kind: 'ack', done: true });
          } else run.elapse();
        }
        expect(run.state.phase.kind).toBe('idle');
      },
    ),
    { numRuns: 500 },
  );
});
