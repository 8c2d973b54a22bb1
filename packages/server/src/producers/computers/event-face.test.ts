import { expect, test } from 'vitest';
import type { Batch } from '../../log/event-log.ts';
import { computerFace, positionedText } from './event-face.ts';

const batch: Batch = {
  epoch: '01k9x2m4v7qhd3ts',
  first: 9,
  time: 0,
  events: [
    { type: 'navigation', data: '{"type":"navigation","url":"a"}' },
    { type: 'error', data: '{"type":"error","code":"b"}' },
    { type: 'console', data: null },
  ],
};

test('D-41 P-344 an event is its position, its type and its JSON; an error is a problem', () => {
  expect(computerFace.encode(batch)).toBe(
    'id: 01k9x2m4v7qhd3ts-a9\nevent: navigation\ndata: {"type":"navigation","url":"a"}\n\n' +
      'id: 01k9x2m4v7qhd3ts-b10\nevent: problem\ndata: {"type":"error","code":"b"}\n\n' +
      'id: 01k9x2m4v7qhd3ts-b11\nevent: console\ndata: {"type":"console","redacted":true}\n\n',
  );
});

test('P-350 on the socket an event has its position in it', () => {
  expect(JSON.parse(positionedText(batch, 1))).toEqual({
    position: '01k9x2m4v7qhd3ts-b10',
    type: 'error',
    code: 'b',
  });
  expect(JSON.parse(positionedText(batch, 2))).toEqual({
    position: '01k9x2m4v7qhd3ts-b11',
    type: 'console',
    redacted: true,
  });
});
