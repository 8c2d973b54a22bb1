import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Control, type ControlInput, mayAct, step } from './control.ts';

const viewer = fc.constantFrom('one', 'two', 'three');
const input: fc.Arbitrary<ControlInput> = fc.oneof(
  fc.record({
    kind: fc.constant('take' as const),
    by: viewer.map((name) => ({ viewer: name, key: `key of ${name}` })),
    force: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('release' as const), viewer, force: fc.boolean() }),
);

test('P-137 control changes hands only by its holder, by force, or while it is free', () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      let control: Control = null;
      for (const wanted of inputs) {
        const by = wanted.kind === 'take' ? wanted.by.viewer : wanted.viewer;
        const before: Control = control;
        const { control: after, effect } = step(before, wanted);
        const allowed = wanted.force || before === null || before.viewer === by;
        expect(effect === 'refused').toBe(!allowed);
        // What is not told did not happen.
        expect(effect === 'changed').toBe(after?.viewer !== before?.viewer);
        if (allowed) expect(after?.viewer ?? null).toBe(wanted.kind === 'take' ? by : null);
        control = after;
      }
    }),
  );
});

test('P-137 while it is held its holder alone types, and while it is free everybody', () => {
  const held = { viewer: 'one', key: 'k' };
  expect([mayAct(held, 'one'), mayAct(held, 'two'), mayAct(held, null)]).toEqual([true, false, false]);
  expect([mayAct(null, 'two'), mayAct(null, null)]).toEqual([true, true]);
});
