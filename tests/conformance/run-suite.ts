import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { afterAll, beforeAll } from 'vitest';
import { type KeyProxy, startBehindKeyProxy } from '../support/key-proxy.ts';

/** Runs the public suite of the Durable Streams protocol, whole, against a server on an engine. */
export function runSuite(engine: 'memory' | 'sqlite'): void {
  // The suite reads the URL when a test runs.
  const options = { baseUrl: '', longPollTimeoutMs: 5_000, subscriptions: true };
  let proxy: KeyProxy;
  beforeAll(async () => {
    proxy = await startBehindKeyProxy({
      env: {
        PLAYHEAD_LOG: engine,
        PLAYHEAD_LONG_POLL_MS: '1000',
        PLAYHEAD_ALLOW_PRIVATE_NETWORKS: '1',
        // It sends 10 MB and takes a 413 as well; through the proxy that may come as a broken connection.
        PLAYHEAD_BODY_LIMIT: '16777216',
      },
    });
    options.baseUrl = proxy.url;
  });
  afterAll(() => proxy[Symbol.asyncDispose]());
  runConformanceTests(options);
}
