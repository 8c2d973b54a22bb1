import { expect, test } from 'vitest';
import { REMEMBERED, sequence, type Tip, type WriterTip } from './sequence.ts';

const tip: Tip = { epoch: 'e', latest: 7, time: 1000, closed: false, ordinal: undefined };
const request = {
  ...{ count: 2, close: false, guard: undefined, now: 2000 },
  ...{ ordinal: undefined, otherType: undefined },
};

test('L1 an append takes the offsets behind the latest', () => {
  expect(sequence(tip, undefined, request)).toEqual({
    kind: 'append',
    first: 8,
    tip: { epoch: 'e', latest: 9, time: 2000, closed: false, ordinal: undefined },
    writer: undefined,
  });
});

test('the time of a stream never goes back', () => {
  expect(sequence(tip, undefined, { ...request, now: 1 })).toMatchObject({ tip: { time: 1000 } });
});

test('L7 the last answers of a writer are remembered; an older repeat gets the oldest of them', () => {
  let at = tip;
  let writer: WriterTip | undefined;
  for (let n = 0; n < REMEMBERED + 4; n++) {
    const guard = { kind: 'writer', id: 'w', epoch: 3, sequence: n } as const;
    const decision = sequence(at, writer, { ...request, guard });
    if (decision.kind !== 'append') throw new Error(decision.answer.kind);
    at = decision.tip;
    writer = decision.writer;
  }
  const repeat = (n: number) => {
    const guard = { kind: 'writer', id: 'w', epoch: 3, sequence: n } as const;
    return sequence({ ...at, closed: true }, writer, { ...request, guard });
  };
  expect(writer?.recent).toHaveLength(REMEMBERED);
  expect(repeat(REMEMBERED + 3)).toMatchObject({
    answer: { kind: 'repeated', position: { offset: at.latest } },
  });
  expect(repeat(4)).toMatchObject({ answer: { position: { offset: 7 + 2 * 5 } } });
  expect(repeat(0)).toMatchObject({ answer: { position: { offset: 7 + 2 * 5 } } });
  expect(repeat(REMEMBERED + 4)).toMatchObject({ answer: { kind: 'closed' } });
});
