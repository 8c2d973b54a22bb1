import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 30_000 } },
      // The suite that anybody can run against a URL, here against our server. What it runs of others has its own tests.
      ...['memory', 'sqlite'].map((engine) => ({
        test: {
          name: `conformance-${engine}`,
          include: ['packages/conformance/src/chapters/*.ts'],
          exclude: ['**/durable-streams.ts'],
          globalSetup: `tests/conformance/on-${engine}.ts`,
          testTimeout: 60_000,
        },
      })),
      {
        test: {
          name: 'system',
          include: ['tests/{attack,e2e,chaos,fuzz,samples,http,cli,conformance}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

export default config;
