import { expect, test } from 'vitest';
import { deliverySlots } from './delivery-slots.ts';

const never = new AbortController().signal;

test('P-273 calls to webhooks that fail take no slot from those that answer', async () => {
  const slots = deliverySlots(1);
  using _hanging = await slots.take('a', 'again', never);
  let waits = true;
  void slots.take('a', 'again', never).then(() => (waits = false));
  using healthy = await slots.take('a', 'first', never);
  expect(healthy).toBeDefined();
  expect(waits).toBe(true);
});

test('P-273 one tenant cannot take all slots, and who waits for its own is passed by', async () => {
  const slots = deliverySlots(8);
  const greedy = [await slots.take('greedy', 'first', never), await slots.take('greedy', 'first', never)];
  const order: string[] = [];
  const waiting = slots.take('greedy', 'first', never).then((slot) => {
    order.push('greedy');
    return slot;
  });
  for (const tenant of ['b', 'b', 'c', 'c', 'd', 'd']) {
    await slots.take(tenant, 'first', never);
    order.push(tenant);
  }
  expect(order).toEqual(['b', 'b', 'c', 'c', 'd', 'd']);
  const late = slots.take('e', 'first', never).then(() => order.push('e'));
  greedy[0]?.[Symbol.dispose]();
  await waiting;
  greedy[1]?.[Symbol.dispose]();
  await late;
  expect(order.slice(6)).toEqual(['greedy', 'e']);
});

test('P-286 slots are given in order, given back once, and not to who no longer waits', async () => {
  const slots = deliverySlots(1);
  const held = await slots.take('a', 'first', never);
  const order: string[] = [];
  const gone = new AbortController();
  const left = slots.take('a', 'first', gone.signal);
  const waiting = ['b', 'c'].map(async (each) => {
    const slot = await slots.take('a', 'first', never);
    order.push(each);
    return slot;
  });
  gone.abort();
  expect(await left).toBeUndefined();
  held?.[Symbol.dispose]();
  held?.[Symbol.dispose]();
  const first = await waiting[0];
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(['b']);
  first?.[Symbol.dispose]();
  (await waiting[1])?.[Symbol.dispose]();
  expect(order).toEqual(['b', 'c']);
  expect(await slots.take('a', 'first', AbortSignal.abort())).toBeUndefined();
  using free = await slots.take('a', 'first', never);
  expect(free).toBeDefined();
});
