import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextMessage, sync, tabMessage, userKey } from '../support/contexts.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';
import { backoff, ReconnectingClient } from './contexts/reconnecting-client.ts';

let server: TestServer;
let proxy: CuttingProxy;
beforeAll(async () => {
  server = await startServer();
  proxy = await startCuttingProxy(server.port);
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await server?.stop();
});

test('CX-28 the client waits 1, 2, 4, 8, 16, 30, 30 s, each with up to half a second more', () => {
  const delays = (random: () => number): number[] =>
    Array.from({ length: 8 }, (_, i) => backoff(i + 1, random));
  expect(delays(() => 0)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(delays(() => 0.999).map((ms, i) => ms - (delays(() => 0)[i] ?? 0) < 500)).not.toContain(false);
});

test('CX-14 CX-23 CX-28 a client that is cut off again and again, also by the death of the server, hears every event once', async () => {
  const key = await userKey(server, 'ann');
  const heard: Record<string, number[]> = { 'user-contexts': [], 'tab-events': [] };
  const waits: number[] = [];
  using client = new ReconnectingClient({
    ...{ url: proxy.url, token: key, userId: 'ann', random: () => 0.5 },
    event: (channel, number) => void heard[channel]?.push(number),
    wait(ms) {
      waits.push(ms);
      // A hundredth of what is documented.
      return new Promise((resolve) => setTimeout(resolve, ms / 100));
    },
  });
  client.subscribe('user-contexts');
  client.subscribe('tab-events');
  client.connect();
  let told = 0;
  const say = async (): Promise<void> => {
    told++;
    await sync(
      server,
      key,
      contextMessage(`c${told}`, { tabId: told % 3 }),
      tabMessage('activate', told % 3),
    );
  };
  await say();
  // Not subscribed yet when the first was told: the next is what it begins with.
  await until(async () => {
    await say();
    return (heard['user-contexts']?.length ?? 0) > 0;
  }, 'the client to hear');
  const [first = 0] = heard['user-contexts'] ?? [];
  for (let i = 0; i < 6; i++) {
    proxy.cut();
    await say();
    await say();
    if (i === 3) {
      await server.kill('SIGKILL');
      await until(() => client.attempts >= 3, 'some attempts in vain');
      await server.restart();
    }
    await say();
    const expected = told * 2 - first + 1;
    await until(() => heard['user-contexts']?.length === expected, 'everything to be heard');
  }
  for (const numbers of Object.values(heard)) {
    const [begin = 0] = numbers;
    expect(numbers).toEqual(numbers.map((_, i) => begin + i));
  }
  expect(heard['user-contexts']?.at(-1)).toBe(told * 2);
  expect(heard['tab-events']?.at(-1)).toBe(told);
  expect(waits.slice(0, 2)).toEqual([1_250, 1_250]);
  expect(waits).toContain(4_250);
});
