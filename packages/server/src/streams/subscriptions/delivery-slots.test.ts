import { expect, test } from 'vitest';
import { deliverySlots } from './delivery-slots.ts';

const never = new AbortController().signal;

test('P-273 calls to webhooks that fail take no slot from those that answer', async () => {
  const slots = deliverySlots(1);
  using _hanging = await slots.take('again', never);
  let waited = true;
  void slots.take('again', never).then(() => (waited = false));
  using healthy = await slots.take('first', never);
  expect(healthy).toBeDefined();
  expect(waited).toBe(true);
});

test('P-286 slots are given in order, given back once, and not to who no longer waits', async () => {
  const slots = deliverySlots(2);
  const held = [await slots.take('first', never), await slots.take('first', never)];
  const order: string[] = [];
  const gone = new AbortController();
  const left = slots.take('first', gone.signal);
  const waiting = ['a', 'b'].map(async (each) => {
    const slot = await slots.take('first', never);
    order.push(each);
    return slot;
  });
  gone.abort();
  expect(await left).toBeUndefined();
  held[0]?.[Symbol.dispose]();
  held[0]?.[Symbol.dispose]();
  await waiting[0];
  expect(order).toEqual(['a']);
  held[1]?.[Symbol.dispose]();
  for (const slot of await Promise.all(waiting)) slot?.[Symbol.dispose]();
  expect(order).toEqual(['a', 'b']);
  expect(await slots.take('first', AbortSignal.abort())).toBeUndefined();
  using first = await slots.take('first', never);
  using second = await slots.take('first', never);
  expect([first, second].every((slot) => slot !== undefined)).toBe(true);
});
