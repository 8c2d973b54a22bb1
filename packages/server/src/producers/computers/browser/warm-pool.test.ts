import { expect, test } from 'vitest';
import { manualClock } from '../../../runtime/manual-clock.ts';
import { createWarmPool, type Warmable, type WarmPool } from './warm-pool.ts';

interface Fake extends Warmable {
  readonly name: string;
  die(): void;
}

interface Scene {
  readonly clock: ReturnType<typeof manualClock>;
  readonly pool: WarmPool<Fake>;
  readonly started: Fake[];
  readonly disposed: string[];
}

function scene({ size = 2, fails = false } = {}): Scene {
  const clock = manualClock();
  const started: Fake[] = [];
  const disposed: string[] = [];
  const pool = createWarmPool<Fake>({
    ...{ clock, size, idleMs: 1_000 },
    start(kind) {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const name = `${kind}${started.length}`;
      const fake: Fake = {
        ...{ name, ended, die: resolve },
        [Symbol.asyncDispose]() {
          disposed.push(name);
          resolve();
          return ended;
        },
      };
      started.push(fake);
      return Promise.resolve(fails ? undefined : fake);
    },
  });
  return { clock, pool, started, disposed };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('D-32 is empty until one was wanted, then holds as many as it may, and fills up behind each that is taken', async () => {
  const { pool, started } = scene();
  expect(pool.take('a')).toBeUndefined();
  await turn();
  expect(started).toHaveLength(0);
  pool.want('a');
  await turn();
  expect(started).toHaveLength(2);
  expect(pool.take('a')?.name).toBe('a0');
  pool.want('a');
  await turn();
  expect(started).toHaveLength(3);
});

test('keeps one kind alone', async () => {
  const { pool, disposed } = scene();
  pool.want('a');
  await turn();
  expect(pool.take('b')).toBeUndefined();
  pool.want('b');
  await turn();
  expect(disposed).toEqual(['a0', 'a1']);
  expect(pool.take('b')?.name).toBe('b2');
});

test('replaces one that dies, but not for ever', async () => {
  const { pool, started } = scene({ size: 1 });
  pool.want('a');
  await turn();
  for (let death = 0; death < 5; death++) {
    started.at(-1)?.die();
    await turn();
  }
  expect(started).toHaveLength(3);
  expect(pool.take('a')).toBeUndefined();
  pool.want('a');
  await turn();
  expect(started).toHaveLength(4);
});

test('gives up where none can be started', async () => {
  const { pool, started } = scene({ fails: true });
  pool.want('a');
  await turn();
  expect(started).toHaveLength(3);
});

test('is empty again when none was wanted for a while, and when it is disposed', async () => {
  const { clock, pool, disposed, started } = scene();
  pool.want('a');
  await turn();
  clock.advance(1_000);
  await turn();
  expect(disposed).toEqual(['a0', 'a1']);
  expect(pool.take('a')).toBeUndefined();
  pool.want('a');
  await pool[Symbol.asyncDispose]();
  expect(disposed).toHaveLength(started.length);
  pool.want('a');
  await turn();
  expect(disposed).toHaveLength(started.length);
});
