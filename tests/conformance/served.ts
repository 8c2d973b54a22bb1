import type { TestProject } from 'vitest/node';
import { startServer } from '../support/server.ts';

/** Starts a server on an engine for all chapters of the conformance suite; gives what ends it. */
export async function served(project: TestProject, log: 'memory' | 'sqlite'): Promise<() => Promise<void>> {
  // No browser more than a test asks for (D-34).
  const server = await startServer({ env: { PLAYHEAD_LOG: log, PLAYHEAD_BROWSER_WARM: '0' } });
  project.provide('target', { url: server.url, key: server.key, project: 'my-project' });
  return () => server.stop();
}
