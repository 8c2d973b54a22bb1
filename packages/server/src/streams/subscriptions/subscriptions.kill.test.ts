import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { nameOf, streamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import type { Collection, Records } from '../../records/records.ts';
import type { Logger } from '../../runtime/logger.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { deliverySlots } from './delivery-slots.ts';
import { openSubscriptions, type Subscriptions } from './subscriptions.ts';
import { wakeTokens } from './wake-tokens.ts';
import type { WebhookResult } from './webhook-call.ts';

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const NAMES = ['a/1', 'a/2', 'a/3'];

interface Call {
  readonly wake: string;
  readonly generation: number;
  readonly tails: ReadonlyMap<string, string>;
  answer(result: WebhookResult): void;
}

type Happening =
  | { readonly kind: 'append'; readonly name: string }
  | { readonly kind: 'answer'; readonly outcome: 'done' | 'accepted' | 'failed' }
  | { readonly kind: 'pass'; readonly ms: number }
  /** The process dies behind so many more writes; what it does after that nobody will know of. */
  | { readonly kind: 'die'; readonly writes: number }
  | { readonly kind: 'restart' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append' as const), name: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      outcome: fc.constantFrom('done', 'accepted', 'failed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('die' as const), writes: fc.integer({ min: 0, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** Records of a process that may die between any two writes. */
class MortalRecords {
  writesLeft = Number.POSITIVE_INFINITY;
  readonly #inner: Records = memoryRecords();

  get all(): Records {
    const write = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        if (this.writesLeft <= 0) return Promise.reject(new Error('the process is dead'));
        this.writesLeft -= 1;
        return call(...args);
      };
    };
    return {
      collection: <T>(name: string): Collection<T> => {
        const { get, put, add, delete: remove, list } = this.#inner.collection<T>(name);
        return { get, list, put: write(put), add: write(add), delete: write(remove) };
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('P-267 P-282 P-283 whenever the process dies, every event is told of, and no generation has two wakes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 30 }), async (story) => {
      const clock = manualClock();
      await using log = createMemoryLog({ clock });
      const hub = createHub({ log, logger: SILENT });
      const records = new MortalRecords();
      const secret = randomBytes(32);
      const calls: Call[] = [];
      /** Those that the process which made them can still be answered. */
      let waiting: Call[] = [];
      const wakes = new Map<number, string>();
      const doubled: number[] = [];

      const open = (): Promise<Subscriptions> =>
        openSubscriptions({
          ...{ log, hub, clock, logger: SILENT, records: records.all },
          tokens: wakeTokens(secret, clock, 1e9),
          slots: deliverySlots(8),
          call: ({ body, signal }) =>
            new Promise((resolve) => {
              const { wake_id, generation, streams } = JSON.parse(body) as {
                wake_id: string;
                generation: number;
                streams: { path: string; tail_offset: string }[];
              };
              const known = wakes.get(generation) ?? wake_id;
              if (known !== wake_id) doubled.push(generation);
              wakes.set(generation, wake_id);
              const call: Call = {
                ...{ wake: wake_id, generation, answer: resolve },
                tails: new Map(streams.map(({ path, tail_offset }) => [path, tail_offset])),
              };
              calls.push(call);
              waiting.push(call);
              signal.addEventListener('abort', () => resolve({ outcome: 'failed', reason: 'aborted' }));
            }),
          retry: { firstMs: 50, longestMs: 200 },
          ...{ streams: 10, subscriptions: 10 },
        });

      let subscriptions = await open();
      const config = {
        ...{ pattern: 'a/*', streams: [], leaseMs: 1_000, description: null },
        delivery: { kind: 'webhook', url: 'https://there' } as const,
      };
      await subscriptions.put({ tenant: 'acme', id: 's', config, base: 'http://here' });
      const restart = async (): Promise<void> => {
        // From here on nothing that the dead process does is kept.
        records.writesLeft = 0;
        await subscriptions[Symbol.asyncDispose]();
        records.writesLeft = Number.POSITIVE_INFINITY;
        waiting = [];
        subscriptions = await open();
      };

      for (const what of story) {
        switch (what.kind) {
          case 'append': {
            const key = streamKey('acme', what.name);
            await log.create(key);
            await hub.append(key, [{ type: 'x', data: '1' }]);
            break;
          }
          case 'answer':
            waiting
              .shift()
              ?.answer(
                what.outcome === 'failed' ? { outcome: 'failed', reason: 'x' } : { outcome: what.outcome },
              );
            break;
          case 'pass':
            clock.advance(what.ms);
            break;
          case 'die':
            records.writesLeft = Math.min(records.writesLeft, what.writes);
            break;
          case 'restart':
            await restart();
        }
        await settle();
        const { generation = 0 } = calls.at(-1) ?? {};
        expect(generation).toBe(Math.max(0, ...wakes.keys()));
        expect(doubled).toEqual([]);
      }

      await restart();
      for (let i = 0; i < 20; i++) {
        await settle();
        for (const call of waiting.splice(0)) call.answer({ outcome: 'done' });
        await settle();
        clock.advance(2_000);
      }
      await settle();
      const { streams } = (await subscriptions.get('acme', 's').view()) as {
        streams: { path: string; acked_offset: string }[];
      };
      const cursors = new Map(streams.map(({ path, acked_offset }) => [path, acked_offset]));
      const listed = await log.list({ tenant: 'acme', limit: 10 });
      for (const { key, bounds } of listed) {
        const name = nameOf(key);
        expect(cursors.get(name)).toMatch(
          new RegExp(`^${bounds.latest.epoch}-[a-p]${bounds.latest.offset}$`),
        );
      }
      expect(cursors.size).toBe(listed.length);
      // And every end was told to a webhook before it was acknowledged.
      for (const [name, acked] of cursors) {
        const ever = new Set(calls.map(({ tails }) => tails.get(name)));
        expect(ever).toContain(acked);
      }
      await subscriptions[Symbol.asyncDispose]();
    }),
    { numRuns: 150 },
  );
}, 60_000);
