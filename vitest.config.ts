import { availableParallelism } from 'node:os';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Thousands of tests start real browsers, processes and servers; one that meets a stalled machine is run once more where
// nobody watches. .ci/run names those that needed it: each is a defect of the test, or of the product.
const retry = process.env['CI'] === undefined ? 0 : 1;

// Most tests wait for servers, browsers and other processes: on two cores, two at a time take little more than half the time.
const maxWorkers = Math.max(2, availableParallelism() - 1);

const config: ViteUserConfig = defineConfig({
  test: {
    retry,
    maxWorkers,
    projects: [
      { test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 30_000, retry } },
      // The suite that anybody can run against a URL, here against our server. What it runs of others has its own tests.
      ...['memory', 'sqlite'].map((engine) => ({
        test: {
          name: `conformance-${engine}`,
          include: ['packages/conformance/src/chapters/*.ts'],
          exclude: ['**/durable-streams.ts'],
          globalSetup: `tests/conformance/on-${engine}.ts`,
          testTimeout: 60_000,
          retry,
        },
      })),
      {
        test: {
          name: 'system',
          include: ['tests/{attack,e2e,fuzz,samples,http,cli,conformance}/**/*.test.ts'],
          testTimeout: 60_000,
          retry,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['tests/chaos/**/*.test.ts'],
          testTimeout: 60_000,
          retry,
          hookTimeout: 60_000,
          // They look at the memory and the processes of servers that are driven hard: alone, behind all others.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

export default config;
