import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runToEnd } from './child.ts';
import { compileGenerators } from './generator.ts';
import { acceptNoise, disturbedMeasurements } from './quiet.ts';
import type { Scenario, Settings } from './scenario.ts';
import { cameras } from './scenarios/cameras.ts';
import { chats } from './scenarios/chats.ts';
import { commandLines } from './scenarios/command-lines.ts';
import { contexts } from './scenarios/contexts.ts';
import { computerStart } from './scenarios/computer-start.ts';
import { durableStreams } from './scenarios/durable-streams.ts';
import { httpAppend } from './scenarios/http-append.ts';
import { replay } from './scenarios/replay.ts';
import { screencast } from './scenarios/screencast.ts';
import { socketAppend } from './scenarios/socket-append.ts';
import { socketFanout } from './scenarios/socket-fanout.ts';
import { socketIdle } from './scenarios/socket-idle.ts';
import { sseFanout } from './scenarios/sse-fanout.ts';
import { stalledSubscriber } from './scenarios/stalled-subscriber.ts';
import { start } from './scenarios/start.ts';
import { terminal } from './scenarios/terminal.ts';
import { formatTable, type Row } from './table.ts';

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'sse-fanout': sseFanout,
  'socket-fanout': socketFanout,
  'stalled-subscriber': stalledSubscriber,
  'http-append': httpAppend,
  'durable-streams': durableStreams,
  'socket-append': socketAppend,
  'socket-idle': socketIdle,
  replay,
  'command-lines': commandLines,
  terminal,
  contexts,
  chats,
  screencast,
  cameras,
  'computer-start': computerStart,
  start,
};
const USAGE = `node tests/bench/run.ts [scenario…] [--quick] [--noisy] [--profile <folder>]
scenarios: ${Object.keys(SCENARIOS).join(', ')} (default: all)
--quick: shorter and fewer runs; --noisy: does not wait until nobody else uses the machine
`;
const here = fileURLToPath(new URL('.', import.meta.url));

/** Runs the scenarios named on the command line and prints one table on stdout. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      noisy: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const names = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals;
  const scenarios = names.flatMap((name) => SCENARIOS[name] ?? []);
  if (values.help === true || scenarios.length < names.length) {
    process.stderr.write(USAGE);
    return values.help === true ? 0 : 2;
  }
  if (values.noisy) acceptNoise();
  await installPeers();
  const folder = await mkdtemp(join(tmpdir(), 'playhead-bench-'));
  const settings: Settings = {
    quick: values.quick,
    folder,
    ...(values.profile === undefined ? {} : { profile: values.profile }),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
  const rows: Row[] = [];
  try {
    await compileGenerators(join(folder, 'load'));
    for (const scenario of scenarios) rows.push(...(await scenario(settings)));
  } finally {
    await rm(folder, { recursive: true, force: true });
    // What was measured before a scenario failed is shown all the same.
    if (rows.length > 0) process.stdout.write(`${formatTable(rows)}\n`);
  }
  const disturbed = disturbedMeasurements();
  if (disturbed > 0)
    settings.note(`${disturbed} measurements were kept although others used the machine: run again`);
  return rows.some(({ met }) => met === false) ? 1 : 0;
}

/** The peers are no part of the project's own dependencies: they are installed when they are first needed. */
async function installPeers(): Promise<void> {
  if (existsSync(join(here, 'node_modules', '.package-lock.json'))) return;
  await runToEnd([
    'npm',
    'install',
    '--no-save',
    '--prefix',
    here,
    '--workspaces=false',
    '--no-audit',
    '--no-fund',
  ]);
}

process.exitCode = await main();
