import { expect, test } from 'vitest';
import type { LogEvent } from '../../log/event-log.ts';
import type { Outlet } from '../../sessions/outlet.ts';
import { appendPieces } from './append-pieces.ts';

/** An outlet whose appends arrive when they are told to. */
function outlet(): Outlet & { readonly sent: string[][]; arrive(): Promise<void> } {
  const sent: string[][] = [];
  let flying = 0;
  let waiting: (() => void)[] = [];
  return {
    sent,
    send(events: readonly LogEvent[]) {
      flying++;
      sent.push(events.map(({ type, data }) => `${type} ${String(data)}`));
    },
    room: () => undefined,
    settled: () => (flying === 0 ? undefined : new Promise((resolve) => waiting.push(resolve))),
    finish: () => Promise.resolve('closed'),
    async arrive() {
      flying = 0;
      const ready = waiting;
      waiting = [];
      for (const resolve of ready) resolve();
      await Promise.resolve();
    },
    [Symbol.dispose]() {},
  };
}

test('F8 a piece goes out at once, and what comes while it is on its way goes together', async () => {
  const log = outlet();
  const pieces = appendPieces(log);
  for (const text of ['a', 'b', 'c']) pieces.add({ kind: 'text', text });
  expect(log.sent).toEqual([['text {"text":"a"}']]);
  await log.arrive();
  expect(log.sent[1]).toEqual(['text {"text":"bc"}']);
  await log.arrive();
  pieces.add({ kind: 'text', text: 'd' });
  expect(log.sent[2]).toEqual(['text {"text":"d"}']);
});

test('F8 only text of one kind is merged, and the order stays', async () => {
  const log = outlet();
  const pieces = appendPieces(log);
  pieces.add({ kind: 'reasoning', text: 'hm' });
  pieces.add({ kind: 'reasoning', text: 'hm' });
  pieces.add({ kind: 'text', text: 'a' });
  pieces.add({ kind: 'tool-call', id: '1', name: 'look', input: {} });
  pieces.add({ kind: 'text', text: 'b' });
  await log.arrive();
  expect(log.sent[1]?.map((event) => event.split(' ')[0])).toEqual([
    'reasoning',
    'text',
    'tool_call',
    'text',
  ]);
});

test('D-2 while nothing arrives, what waits is bounded', () => {
  const log = outlet();
  const pieces = appendPieces(log);
  for (let i = 0; i < 10; i++) pieces.add({ kind: 'text', text: 'x'.repeat(5_000) });
  const text = log.sent.flat().join('').replaceAll(/[^x]/g, '');
  expect(text.length).toBeGreaterThan(20_000);
  pieces.flush();
  expect(
    log.sent
      .flat()
      .join('')
      .match(/x{5000}/g),
  ).toHaveLength(10);
});
