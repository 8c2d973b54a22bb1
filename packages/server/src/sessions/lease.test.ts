import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadlineOf, type Lease, type LeaseInput, type LeaseTerms, openLease, step } from './lease.ts';

const TERMS: LeaseTerms = { idle: 120_000, lifetime: null, notice: 30_000 };

describe('a lease', () => {
  test('F9 is announced 30 s ahead and runs out at its deadline', () => {
    const opened = openLease(TERMS, 0);
    expect(opened).toMatchObject({ effect: 'none', wakeAt: 90_000 });
    const announced = step(opened.lease, { kind: 'tick', now: 90_000 });
    expect(announced).toMatchObject({ effect: 'announce', wakeAt: 120_000, lease: { kind: 'expiring' } });
    expect(step(announced.lease, { kind: 'tick', now: 119_999 }).effect).toBe('none');
    expect(step(announced.lease, { kind: 'tick', now: 120_000 })).toMatchObject({
      effect: 'expire',
      wakeAt: null,
    });
  });

  test('CO-19 lives on while it is renewed every 30 s', () => {
    let { lease } = openLease(TERMS, 0);
    for (let now = 30_000; now < 3_600_000; now += 30_000) {
      const next = step(lease, { kind: 'renew', now });
      expect(next.effect).toBe('none');
      lease = next.lease;
    }
    expect(lease.kind).toBe('open');
  });

  test('is announced again after a renewal took the first announcement back', () => {
    const announced = step(openLease(TERMS, 0).lease, { kind: 'tick', now: 100_000 });
    const renewed = step(announced.lease, { kind: 'renew', now: 100_000 });
    expect(renewed).toMatchObject({ effect: 'none', wakeAt: 190_000, lease: { kind: 'open' } });
    expect(step(renewed.lease, { kind: 'tick', now: 190_000 }).effect).toBe('announce');
  });

  test('that is over stays over', () => {
    const expired = step(openLease(TERMS, 0).lease, { kind: 'renew', now: 120_000 });
    expect(expired.effect).toBe('expire');
    expect(step(expired.lease, { kind: 'renew', now: 120_001 })).toMatchObject({
      effect: 'none',
      wakeAt: null,
    });
  });

  test('ends with its lifetime, whatever renews it', () => {
    const terms = { idle: null, lifetime: 60_000, notice: 30_000 };
    const renewed = step(openLease(terms, 0).lease, { kind: 'renew', now: 59_000 });
    expect(renewed).toMatchObject({ effect: 'announce', wakeAt: 60_000 });
    expect(step(renewed.lease, { kind: 'renew', now: 59_500 }).effect).toBe('none');
    expect(step(renewed.lease, { kind: 'tick', now: 60_000 }).effect).toBe('expire');
  });

  test('shorter than its notice is announced at once; one without limits never ends', () => {
    expect(openLease({ idle: null, lifetime: 5_000, notice: 30_000 }, 7)).toMatchObject({
      effect: 'announce',
      wakeAt: 5_007,
    });
    expect(openLease({ idle: null, lifetime: null, notice: 30_000 }, 0)).toMatchObject({
      effect: 'none',
      wakeAt: null,
    });
  });
});

const limit = fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: null });
const terms = fc.record({ idle: limit, lifetime: limit, notice: fc.integer({ min: 0, max: 1_000 }) });
const inputs = fc.array(
  fc.tuple(fc.constantFrom<LeaseInput['kind']>('renew', 'tick'), fc.integer({ min: 0, max: 700 })),
);

test('F9 whatever comes when: it expires once, at or behind the deadline that a model keeps, announced before', () => {
  fc.assert(
    fc.property(terms, inputs, (given, steps) => {
      let now = 0;
      let renewedAt = 0;
      let over = false;
      let announcedFor: number | null = null;
      let { lease, effect }: { lease: Lease; effect: string } = openLease(given, now);
      const deadline = (): number =>
        Math.min(renewedAt + (given.idle ?? Infinity), given.lifetime ?? Infinity);
      if (effect === 'announce') announcedFor = deadline();
      for (const [kind, wait] of steps) {
        now += wait;
        const expected = deadline();
        ({ lease, effect } = step(lease, { kind, now }));
        if (over) {
          expect(effect).toBe('none');
          continue;
        }
        over = now >= expected;
        expect(effect === 'expire').toBe(over);
        if (over) continue;
        if (kind === 'renew') renewedAt = now;
        expect(deadlineOf(lease) ?? Infinity).toBe(deadline());
        if (effect === 'announce') {
          expect(announcedFor).not.toBe(deadline());
          announcedFor = deadline();
        }
        // Near the end it has been said; far from it nobody believes it near.
        expect(lease.kind).toBe(now >= deadline() - given.notice ? 'expiring' : 'open');
        if (lease.kind === 'expiring') expect(announcedFor).toBe(deadline());
      }
    }),
  );
});
