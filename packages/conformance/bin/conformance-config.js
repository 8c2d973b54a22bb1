import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The names of all chapters. */
export const CHAPTERS = readdirSync(new URL('../src/chapters/', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

/**
 * What vitest is told to test `target` ({ url, key, project }): the chapters are its test files, wherever they lie. What
 * it finds below node_modules it would leave to Node, which strips no types there, so our own packages are named as its
 * own to transform.
 */
export function conformanceConfig({ target, chapters = CHAPTERS }) {
  return {
    root: ROOT,
    include: chapters.map((chapter) => `src/chapters/${chapter}.ts`),
    exclude: [],
    provide: { target },
    server: { deps: { inline: [/[\\/](?:@playhead|packages)[\\/](?:conformance|protocol)[\\/]/] } },
    // One after the other: a server counts what comes from one address.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  };
}
