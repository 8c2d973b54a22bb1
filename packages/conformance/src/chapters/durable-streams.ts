import { runConformanceTests } from '@durable-streams/server-conformance-tests';
import { afterAll, describe } from 'vitest';
import { startKeyProxy } from '../key-proxy.ts';
import { target } from '../target.ts';

// The suite of the protocol's own project. It knows of no keys, so something in front of the server adds one.
const proxy = await startKeyProxy(target);

afterAll(() => proxy[Symbol.asyncDispose]());

describe('Durable Streams', () => {
  runConformanceTests({ baseUrl: proxy.url, longPollTimeoutMs: 20_000, subscriptions: true });
});
