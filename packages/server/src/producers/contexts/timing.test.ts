import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { MessageRate } from './message-rate.ts';
import { TimerWheel, type Watched } from './timer-wheel.ts';

describe('D-43 the rate of messages', () => {
  const rule = { perSecond: 10, floodMs: 30_000 };

  test('a burst of two seconds passes, then so many a second', () => {
    const rate = new MessageRate(rule, 0);
    const taken = (count: number, now: number): number =>
      Array.from({ length: count }, () => rate.count(now)).filter(({ kind }) => kind === 'taken').length;
    expect(taken(30, 0)).toBe(20);
    expect(rate.count(0)).toEqual({ kind: 'limited', retryAfter: 1 });
    expect(taken(30, 1_000)).toBe(10);
    expect(taken(30, 1_100)).toBe(1);
    expect(taken(30, 500)).toBe(0);
    expect(taken(30, 100_000)).toBe(20);
  });

  test('ten times as many for the whole time is a flood; with one pause in it, or one less, it is none', () => {
    const flood = (perPart: (part: number) => number): boolean => {
      const rate = new MessageRate(rule, 0);
      for (let part = 0; part < 31; part++)
        for (let i = 0; i < perPart(part); i++) if (rate.count(part * 1_000).kind === 'flood') return true;
      return false;
    };
    expect(flood(() => 100)).toBe(true);
    expect(flood(() => 99)).toBe(false);
    expect(flood((part) => (part === 17 ? 0 : 1_000))).toBe(false);
    expect(flood((part) => (part === 17 ? 99 : 1_000))).toBe(false);
  });
});

test('D-43 of a flood no more is read than shows that it is one, and it ends all the same', () => {
  const rate = new MessageRate({ perSecond: 10, floodMs: 30_000 }, 0);
  let now = 0;
  let read = 0;
  for (let part = 0; part < 30; part++) {
    let wait = 0;
    while (wait === 0) {
      expect(rate.count(now).kind).not.toBe('flood');
      read++;
      wait = rate.hold(now);
    }
    // A timer may be late.
    now += wait + (part % 3) * 300;
  }
  expect(rate.count(now)).toEqual({ kind: 'flood' });
  expect(read).toBeLessThanOrEqual(30 * 121);
  const calm = new MessageRate({ perSecond: 10, floodMs: 30_000 }, 0);
  for (let i = 0; i < 100; i++) {
    calm.count(0);
    expect(calm.hold(0)).toBe(0);
  }
});

describe('the timer wheel', () => {
  test('looks at everything at its time or within a tick of it, and never before', () => {
    const dues = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(
        dues,
        fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 60, maxLength: 60 }),
        (times, steps) => {
          const clock = manualClock(1_000_003);
          using wheel = new TimerWheel(clock, 100, 8);
          const start = clock.now();
          const seen = new Map<number, number[]>();
          for (const [index, due] of times.entries()) {
            seen.set(index, []);
            wheel.put({ look: (now) => void seen.get(index)?.push(now - start) }, start + due);
          }
          for (const ms of steps) clock.advance(ms);
          for (let i = 0; i < 10; i++) clock.advance(3_000);
          for (const [index, due] of times.entries()) {
            expect(seen.get(index)).toHaveLength(1);
            const [at = 0] = seen.get(index) ?? [];
            expect(at).toBeGreaterThanOrEqual(due);
            expect(at - due).toBeLessThan(300);
          }
          expect(wheel.size).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('what is looked at again, moved or taken out while it is looked at', () => {
    const clock = manualClock(0);
    using wheel = new TimerWheel(clock, 10, 4);
    const log: string[] = [];
    const every: Watched = { look: (now) => (log.push(`every ${now}`), now < 100 ? now + 50 : undefined) };
    const victim: Watched = { look: () => void log.push('victim') };
    const killer: Watched = { look: () => (log.push('killer'), wheel.remove(victim), undefined) };
    const mover: Watched = {
      look(now) {
        log.push(`mover ${now}`);
        if (now < 40) wheel.put(mover, now + 25);
        return now + 5;
      },
    };
    wheel.put(killer, 20);
    wheel.put(victim, 20);
    wheel.put(every, 50);
    wheel.put(mover, 15);
    clock.advance(120);
    expect(log.filter((line) => line !== 'mover 60' && !line.startsWith('mover'))).toEqual([
      'killer',
      'every 50',
      'every 100',
    ]);
    expect(log).toContain('mover 50');
    expect(wheel.size).toBe(1);
    wheel.remove(mover);
    wheel.remove(mover);
    expect(wheel.size).toBe(0);
  });

  test('10,000 that are put in and taken out need no timer each', () => {
    const clock = manualClock(0);
    let timers = 0;
    const counting = { ...clock, every: (ms: number, call: () => void) => (timers++, clock.every(ms, call)) };
    using wheel = new TimerWheel(counting, 1_000);
    const items = Array.from({ length: 10_000 }, (): Watched => ({ look: (now) => now + 30_000 }));
    for (const item of items) wheel.put(item, 30_000);
    clock.advance(120_000);
    expect(wheel.size).toBe(10_000);
    for (const item of items) wheel.remove(item);
    expect([wheel.size, timers]).toEqual([0, 1]);
  });
});
