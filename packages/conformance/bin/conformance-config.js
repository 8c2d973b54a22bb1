/**
 * What vitest is told: the chapters are its test files, wherever they lie. What it finds below node_modules it would
 * leave to Node, which strips no types there, so our own packages are named as its own to transform.
 */
export function conformanceConfig({ root, chapters, target }) {
  return {
    root,
    config: false,
    watch: false,
    cache: false,
    include: chapters.map((chapter) => `src/chapters/${chapter}.ts`),
    exclude: [],
    provide: { target },
    server: {
      deps: {
        inline: [/@playhead[\\/](?:conformance|protocol)[\\/]/, /packages[\\/](?:conformance|protocol)[\\/]/],
      },
    },
    // One after the other: a server counts what comes from one address.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: {},
  };
}
