import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/**
 * Proves that the linter knows who may import whom (the table of ARCHITECTURE.md): each probe is a file with one
 * import, laid out like the real tree in a scratch folder and linted with the real configuration.
 */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCE = 'packages/server/src';

interface Probe {
  readonly file: string;
  readonly imports: string;
}

const server = (file: string, imports: string): Probe => ({ file: `${SOURCE}/${file}`, imports });

const ALLOWED: readonly Probe[] = [
  { file: 'packages/protocol/src/a.ts', imports: './position.ts' },
  { file: 'packages/conformance/src/a.ts', imports: '@playhead/protocol' },
  { file: 'packages/conformance/src/chapters/a.ts', imports: '../streams.ts' },
  server('runtime/a.ts', '@playhead/protocol'),
  server('runtime/a.ts', './clock.ts'),
  server('log/a.ts', '../runtime/clock.ts'),
  server('log/sqlite/a.ts', '../event-log.ts'),
  server('log/sqlite/a.ts', './writer.ts'),
  server('log/sqlite/a.ts', '../../runtime/clock.ts'),
  server('hub/a.ts', '../log/event-log.ts'),
  server('transports/a.ts', '../hub/hub.ts'),
  server('transports/sse/a.ts', '../transport.ts'),
  server('transports/sse/a.ts', '../../hub/hub.ts'),
  server('sessions/a.ts', '../log/event-log.ts'),
  server('producers/commands/a.ts', '../../sessions/ending.ts'),
  server('producers/commands/a.ts', '../../launcher/launcher.ts'),
  server('producers/commands/a.ts', '../../hub/hub.ts'),
  server('producers/commands/a.ts', '../producer.ts'),
  server('producers/computers/browser/a.ts', '../browser.ts'),
  server('producers/computers/browser/a.ts', '../browser-action.ts'),
  server('producers/computers/browser/a.ts', '../../../launcher/launcher.ts'),
  server('producers/computers/browser/a.ts', '../../../runtime/clock.ts'),
  server('frames/a.ts', '../log/stream-key.ts'),
  server('frames/live/a.ts', '../../hub/hub.ts'),
  server('frames/recording/a.ts', '../recordings.ts'),
  server('frames/recording/a.ts', '../../hub/hub.ts'),
  server('producers/computers/a.ts', '../../frames/frames.ts'),
  server('video/a.ts', './detector.ts'),
  server('video/process/a.ts', '../video.ts'),
  server('video/process/a.ts', '../../launcher/launcher.ts'),
  server('video/process/child/a.ts', '../messages.ts'),
  server('video/process/child/a.ts', '../../video.ts'),
  server('search/a.ts', '../log/event-log.ts'),
  server('search/sqlite/a.ts', '../search.ts'),
  server('producers/chats/a.ts', '../../search/search.ts'),
  server('producers/chats/assistant/a.ts', '../model.ts'),
  server('producers/chats/assistant/a.ts', '../../../search/search.ts'),
  server('outgoing/a.ts', '../runtime/address.ts'),
  server('outgoing/proxy/a.ts', '../outgoing.ts'),
  server('producers/computers/a.ts', '../../outgoing/outgoing.ts'),
  server('producers/computers/a.ts', '../../outgoing/egress.ts'),
  server('producers/computers/a.ts', '../../transports/socket-face.ts'),
  server('streams/a.ts', '../outgoing/outgoing.ts'),
  server('streams/a.ts', '../hub/hub.ts'),
  server('streams/subscriptions/a.ts', '../gateway.ts'),
  server('streams/subscriptions/a.ts', '../../outgoing/outgoing.ts'),
  server('access/a.ts', '../records/records.ts'),
  server('http/a.ts', '../access/gate.ts'),
  server('server.ts', './log/sqlite/open.ts'),
  server('composition/a.ts', '../log/sqlite/open.ts'),
  server('main.ts', './server.ts'),
  server('cli/a.ts', '../server.ts'),
];

const FORBIDDEN: readonly Probe[] = [
  { file: 'packages/protocol/src/a.ts', imports: 'node:fs' },
  { file: 'packages/protocol/src/a.ts', imports: 'zod' },
  { file: 'packages/protocol/src/a.ts', imports: '../../server/src/server.ts' },
  { file: 'packages/conformance/src/a.ts', imports: 'playhead' },
  { file: 'packages/conformance/src/a.ts', imports: '../../server/src/server.ts' },
  { file: 'packages/conformance/src/chapters/a.ts', imports: '../../../server/src/log/event-log.ts' },
  { file: 'packages/conformance/src/chapters/a.ts', imports: '../../../../tests/support/server.ts' },
  server('runtime/a.ts', '../log/event-log.ts'),
  server('producers/commands/a.ts', '../../composition/a.ts'),
  server('cli/a.ts', '../composition/a.ts'),
  server('runtime/a.ts', 'playhead'),
  server('log/a.ts', './sqlite/open.ts'),
  server('log/a.ts', '../hub/hub.ts'),
  server('log/sqlite/a.ts', '../memory/open.ts'),
  server('log/sqlite/a.ts', '../../hub/hub.ts'),
  server('log/sqlite/a.ts', '../../http/exchange.ts'),
  server('hub/a.ts', '../log/sqlite/open.ts'),
  server('hub/a.ts', '../http/exchange.ts'),
  server('hub/a.ts', '../transports/transport.ts'),
  server('transports/a.ts', './sse/sse-transport.ts'),
  server('transports/sse/a.ts', '../websocket/a.ts'),
  server('transports/sse/a.ts', '../../hub/create-hub.ts'),
  server('transports/sse/a.ts', '../../log/sqlite/open.ts'),
  server('transports/sse/a.ts', '../../access/keys.ts'),
  server('sessions/a.ts', '../producers/producer.ts'),
  server('sessions/a.ts', '../log/memory/open.ts'),
  server('sessions/a.ts', '../http/exchange.ts'),
  server('producers/a.ts', './commands/a.ts'),
  server('producers/commands/a.ts', '../chats/a.ts'),
  server('producers/commands/a.ts', '../../launcher/direct/direct-launcher.ts'),
  server('producers/commands/a.ts', '../../log/sqlite/open.ts'),
  server('producers/commands/a.ts', '../../hub/create-hub.ts'),
  server('producers/computers/a.ts', './browser/create-browsers.ts'),
  server('producers/computers/browser/a.ts', '../computers.ts'),
  server('producers/computers/browser/a.ts', '../../../launcher/direct/direct-launcher.ts'),
  server('producers/computers/browser/a.ts', '../../../hub/hub.ts'),
  server('producers/commands/a.ts', '../../server.ts'),
  server('launcher/direct/a.ts', '../sandbox/a.ts'),
  server('records/sqlite/a.ts', '../../log/sqlite/open.ts'),
  server('frames/a.ts', './live/a.ts'),
  server('frames/live/a.ts', '../../hub/create-hub.ts'),
  server('frames/recording/a.ts', '../live/feed.ts'),
  server('frames/recording/a.ts', '../../video/video.ts'),
  server('producers/computers/a.ts', '../../frames/recording/create-recordings.ts'),
  server('producers/computers/a.ts', '../../frames/live/create-frames.ts'),
  server('video/a.ts', './process/a.ts'),
  server('video/process/a.ts', '../../launcher/direct/a.ts'),
  server('video/process/a.ts', '../../hub/hub.ts'),
  server('video/process/child/a.ts', '../../../launcher/launcher.ts'),
  server('video/process/child/a.ts', '../../../runtime/clock.ts'),
  server('search/a.ts', './sqlite/a.ts'),
  server('search/a.ts', '../hub/hub.ts'),
  server('search/sqlite/a.ts', '../../http/exchange.ts'),
  server('producers/chats/a.ts', '../../search/sqlite/a.ts'),
  server('producers/chats/a.ts', './assistant/a.ts'),
  server('producers/chats/assistant/a.ts', '../chat-store.ts'),
  server('producers/chats/assistant/a.ts', '../../../hub/hub.ts'),
  server('producers/chats/a.ts', '../../search/indexer.ts'),
  server('outgoing/a.ts', './proxy/a.ts'),
  server('outgoing/a.ts', '../http/exchange.ts'),
  server('outgoing/proxy/a.ts', '../../hub/hub.ts'),
  server('producers/computers/a.ts', '../../outgoing/create-guard.ts'),
  server('producers/computers/a.ts', '../../outgoing/proxy/create-egress.ts'),
  server('streams/a.ts', '../outgoing/create-requests.ts'),
  server('streams/a.ts', '../transports/sse/sse-transport.ts'),
  server('streams/a.ts', '../producers/commands/a.ts'),
  server('streams/subscriptions/a.ts', '../durable/a.ts'),
  server('streams/subscriptions/a.ts', '../../outgoing/create-guard.ts'),
  server('streams/subscriptions/a.ts', '../../records/sqlite/sqlite-records.ts'),
  server('access/a.ts', '../log/sqlite/open.ts'),
  server('http/a.ts', '../access/keys.ts'),
  server('http/a.ts', '../transports/sse/sse-transport.ts'),
  server('a.ts', './log/sqlite/open.ts'),
  server('cli/a.ts', '../log/sqlite/open.ts'),
];

/** Folders of the server that hold product code, relative to its source, '' for the root. */
function productFolders(): string[] {
  const files = readdirSync(join(ROOT, SOURCE), { recursive: true, encoding: 'utf8' });
  const product = files.filter(
    (file) => file.endsWith('.ts') && !/\.(?:test|contract|fixture)\.ts$/.test(file),
  );
  return [...new Set(product.map((file) => dirname(file).split(sep).join('/')))].filter(
    (folder) => folder !== '.',
  );
}

const FOLDERS = productFolders();
// Whatever else a folder may import, the program's entry it may not: a folder without a rule shows here.
const COVERAGE: readonly Probe[] = FOLDERS.map((folder) =>
  server(`${folder}/a.ts`, `${'../'.repeat(folder.split('/').length)}main.ts`),
);

describe('who may import whom', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'playhead-law-'));
  let refused: ReadonlySet<string>;

  beforeAll(() => {
    const probes = [...ALLOWED, ...FORBIDDEN, ...COVERAGE];
    copyFileSync(join(ROOT, '.oxlintrc.json'), join(scratch, '.oxlintrc.json'));
    for (const probe of probes) {
      const file = join(scratch, pathOf(probe));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `import '${probe.imports}';\n`);
    }
    const run = spawnSync(process.execPath, [join(ROOT, 'node_modules/oxlint/bin/oxlint'), '--format=json'], {
      cwd: scratch,
      encoding: 'utf8',
    });
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { code: string; filename: string }[] };
    const broken = diagnostics.filter(({ code }) => code.includes('no-restricted-imports'));
    refused = new Set(
      broken.map(({ filename }) => relative(scratch, join(scratch, filename)).split(sep).join('/')),
    );
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(ALLOWED)('D-33 $file may import $imports', (probe) => {
    expect(refused).not.toContain(pathOf(probe));
  });

  test.each(FORBIDDEN)('D-33 $file may not import $imports', (probe) => {
    expect(refused).toContain(pathOf(probe));
  });

  test.each(COVERAGE)('D-33 a rule covers $file', (probe) => {
    expect(refused).toContain(pathOf(probe));
  });
});

/**
 * Where a probe lies: in its folder, under a name made from what it imports; server.ts and main.ts keep theirs,
 * because their rule goes by the name.
 */
function pathOf({ file, imports }: Probe): string {
  if (!file.endsWith('/a.ts')) return file;
  return `${dirname(file)}/${imports.replaceAll(/[^a-z]+/g, '-')}-probe.ts`;
}
