import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bounds } from '../../log/event-log.ts';
import { Cursors, type StoredLink } from './cursors.ts';

const EPOCHS = ['01k9x2m4v7qhd3t0', '01k9x2m4v7qhd3t1', '01k9x2m4v7qhd3t2'];

/** A stream that was made as the `made`th of its name, with so many events, of which the first `gone` are trimmed. */
function boundsOf(made: number, events: number, gone = 0): Bounds {
  const epoch = EPOCHS[made] ?? '';
  return {
    start: { epoch, offset: gone },
    earliest: { epoch, offset: gone + 1 },
    latest: { epoch, offset: events },
    closed: false,
    contentType: 'application/json',
    durability: 'durable',
    bytes: 0,
    createdAt: 1_000 + made,
    epochIndex: 0,
  };
}

const at = (made: number, offset: number): Bounds['latest'] => ({ epoch: EPOCHS[made] ?? '', offset });

function cursors(): { readonly all: Cursors; readonly linked: Set<string> } {
  const linked = new Set<string>();
  const all = new Cursors({
    linked: (name) => void linked.add(name),
    unlinked: (name) => void linked.delete(name),
  });
  return { all, linked };
}

describe('cursors', () => {
  test('P-263 what is there is linked at its end, what comes later is pending from its first event', () => {
    const { all } = cursors();
    all.link('old', 'glob', boundsOf(0, 5), 'end');
    all.link('new', 'glob', boundsOf(0, 1), 'start');
    all.link('none', 'explicit', undefined, 'end');
    expect(all.view(9).map(({ name, pending }) => [name, pending])).toEqual([
      ['new', true],
      ['old', false],
      ['none', false],
    ]);
    all.saw('none', boundsOf(1, 0));
    expect(all.view(9).find(({ name }) => name === 'none')).toMatchObject({
      acked: at(1, 0),
      pending: false,
    });
    all.saw('none', boundsOf(1, 2));
    expect(all.view(9).find(({ name }) => name === 'none')?.pending).toBe(true);
  });

  test('P-266 a stream stays while one of both links is left, and explicit shows first', () => {
    const { all, linked } = cursors();
    all.link('a', 'glob', boundsOf(0, 3), 'end');
    all.link('a', 'explicit', boundsOf(0, 4), 'end');
    expect(all.view(1)[0]).toMatchObject({ kinds: { explicit: true, glob: true }, acked: at(0, 3) });
    all.unlink('a', 'explicit');
    expect(linked.has('a')).toBe(true);
    all.unlink('a', 'glob');
    expect([linked.has('a'), all.size, all.pending]).toEqual([false, 0, false]);
    expect(all.takeUnsaved()).toEqual([['a', undefined]]);
  });

  test('P-275 a cursor moves neither back nor ahead of its stream', () => {
    const { all } = cursors();
    all.link('a', 'explicit', boundsOf(1, 5), 'end');
    all.saw('a', boundsOf(1, 9));
    expect([4, 5, 9, 10].map((offset) => all.admits('a', at(1, offset)))).toEqual([false, true, true, false]);
    expect([all.admits('a', at(0, 7)), all.admits('a', at(2, 7)), all.admits('b', at(1, 7))]).toEqual([
      false,
      false,
      false,
    ]);
    all.ack('a', at(1, 7));
    all.ack('a', at(1, 6));
    expect(all.view(1)[0]).toMatchObject({ acked: at(1, 7), pending: true });
    all.ack('a', at(1, 9));
    expect(all.pending).toBe(false);
  });

  test('P-263 a stream that is made anew begins anew; one that is deleted leaves its glob link', () => {
    const { all } = cursors();
    all.link('a', 'explicit', boundsOf(0, 5), 'end');
    all.link('b', 'glob', boundsOf(0, 5), 'end');
    all.saw('a', boundsOf(1, 2));
    expect(all.view(1)[0]).toMatchObject({ acked: at(1, 0), pending: true });
    all.saw('a', undefined);
    all.saw('b', undefined);
    expect(all.view(9)).toEqual([
      { name: 'a', kinds: { explicit: true, glob: false }, acked: null, tail: null, pending: false },
    ]);
  });

  test('what could not be stored is taken again', () => {
    const { all } = cursors();
    all.link('a', 'glob', boundsOf(0, 5), 'end');
    const taken = all.takeUnsaved();
    expect([taken.length, all.unsaved]).toEqual([1, false]);
    all.putBack(taken.map(([name]) => name));
    expect(all.takeUnsaved()).toEqual(taken);
  });
});

type Change =
  | { readonly kind: 'link' | 'unlink'; readonly name: string; readonly how: 'explicit' | 'glob' }
  | { readonly kind: 'saw'; readonly name: string; readonly made: number; readonly events: number }
  | { readonly kind: 'ack'; readonly name: string; readonly made: number; readonly offset: number }
  | { readonly kind: 'store' };

const name = fc.constantFrom('a', 'b', 'c');
const made = fc.integer({ min: -1, max: 2 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom('link', 'unlink'), name, how: fc.constantFrom('explicit', 'glob') }),
  fc.record({ kind: fc.constant('saw' as const), name, made, events: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ kind: fc.constant('ack' as const), name, made, offset: fc.integer({ min: 0, max: 9 }) }),
  fc.constant({ kind: 'store' as const }),
);

test('P-275 P-282 whatever happens, cursors only go forward, and what was stored gives the same cursors', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { all, linked } = cursors();
      const stored = new Map<string, StoredLink>();
      const store = (): void => {
        for (const [each, link] of all.takeUnsaved()) {
          if (link === undefined) stored.delete(each);
          else stored.set(each, link);
        }
      };
      for (const each of changes) {
        const before = new Map(all.view(9).map((view) => [view.name, view]));
        switch (each.kind) {
          case 'link':
            all.link(each.name, each.how, boundsOf(0, 3), 'end');
            break;
          case 'unlink':
            all.unlink(each.name, each.how);
            break;
          case 'saw':
            all.saw(each.name, each.made < 0 ? undefined : boundsOf(each.made, each.events));
            break;
          case 'ack':
            if (all.admits(each.name, at(each.made, each.offset)))
              all.ack(each.name, at(each.made, each.offset));
            break;
          case 'store':
            store();
        }
        for (const view of all.view(9)) {
          const old = before.get(view.name)?.acked;
          if (each.kind !== 'saw' && old !== undefined && old !== null && view.acked !== null)
            expect(view.acked.offset).toBeGreaterThanOrEqual(old.offset);
          expect(view.kinds.explicit || view.kinds.glob).toBe(true);
        }
        expect(new Set(all.names())).toEqual(linked);
        expect(all.pending).toBe(all.view(9).some(({ pending }) => pending));
        expect(all.firstPending === undefined).toBe(!all.pending);
      }
      store();
      const { all: again } = cursors();
      for (const [each, link] of stored) again.restore(each, link);
      const plain = (some: Cursors): unknown =>
        some
          .view(9)
          .map(({ name: each, kinds, acked }) => ({ name: each, kinds, acked }))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(plain(again)).toEqual(plain(all));
    }),
  );
});
