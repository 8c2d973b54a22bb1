#!/usr/bin/env node
// Plain JavaScript: Node strips no types below node_modules, where this lies once it is installed. What is TypeScript
// here, vitest transforms by itself.
import { parseArgs } from 'node:util';
import { CHAPTERS, conformanceConfig } from './conformance-config.js';
import { report } from './report.js';

const USAGE = `playhead-conformance: tests a server against the Playhead protocol, over the network alone

  playhead-conformance URL [flags]

URL is where the server is, such as http://127.0.0.1:8080. It gets streams, keys and commands of its own, which go away
by themselves; nothing else of the server is touched.

Flags:
  --key KEY          An admin's key (default: PLAYHEAD_API_KEY, which does not show in the list of processes)
  --chapter NAME     Only this chapter; may be given again
  --project ID       The project in which commands are run (default: my-project)
  -o, --output WHAT  text, or json: one JSON document a test, then their counts
  -h, --help         Show this

Chapters: ${CHAPTERS.join(', ')}

Examples:
  npx playhead-conformance http://127.0.0.1:8080 --chapter streams-face --chapter receipts
  npx playhead-conformance https://streams.example.com --chapter durable-streams

Exit codes:
  0  every test has passed
  1  one has failed
  2  called wrongly; nothing was tested
  3  the server cannot be reached
`;

process.exitCode = await main();

async function main() {
  const given = read();
  if (typeof given === 'number') return given;
  const unreachable = await fetch(given.target.url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(20_000),
  }).then(
    () => undefined,
    (/** @type {unknown} */ error) => error,
  );
  if (unreachable !== undefined) {
    process.stderr.write(
      `playhead-conformance: ${given.target.url} cannot be reached: ${reasonOf(unreachable)}\n`,
    );
    return 3;
  }
  const { startVitest } = await import('vitest/node');
  const reporter = report(given.output, (text) => process.stdout.write(text));
  const config = {
    ...conformanceConfig(given),
    // Nothing of where it is called, or of where it is installed, counts or is changed.
    config: false,
    watch: false,
    cache: false,
    reporters: [reporter],
  };
  const vitest = await startVitest('test', [], config, {}, silent());
  await vitest.close();
  return reporter.passed() ? 0 : 1;
}

/** What was asked for, or the exit code where there is nothing to do. */
function read() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        chapter: { type: 'string', multiple: true, default: [] },
        project: { type: 'string', default: 'my-project' },
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    return wrong(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const url = URL.parse(positionals[0] ?? '');
  if (positionals.length !== 1 || url === null || !/^https?:$/.test(url.protocol) || url.username !== '') {
    return wrong('Name one server by its URL.');
  }
  const unknown = values.chapter.find((name) => !CHAPTERS.includes(name));
  if (unknown !== undefined) return wrong(`There is no chapter ${unknown}: ${CHAPTERS.join(', ')}.`);
  if (!['text', 'json'].includes(values.output)) return wrong('--output is text or json.');
  const key = values.key ?? process.env.PLAYHEAD_API_KEY ?? '';
  const chapters = values.chapter.length === 0 ? CHAPTERS : values.chapter;
  // Other servers that speak Durable Streams may know of no keys.
  const needed = chapters.some((name) => name !== 'durable-streams');
  if (!/^[\x21-\x7e]*$/.test(key) || (needed && key === '')) {
    return wrong('Give a key with PLAYHEAD_API_KEY or --key.');
  }
  const target = { url: url.href.replace(/\/+$/, ''), key, project: values.project };
  return { target, chapters, output: values.output };
}

function wrong(message) {
  process.stderr.write(
    `playhead-conformance: ${message}\n\`playhead-conformance --help\` shows how it is called.\n`,
  );
  return 2;
}

function reasonOf(error) {
  return error?.cause?.code ?? error?.message ?? String(error);
}

/** What vitest itself has to say is not part of the report. */
function silent() {
  return { stdout: process.stderr, stderr: process.stderr };
}
