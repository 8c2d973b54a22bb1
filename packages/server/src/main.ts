import { readFileSync } from 'node:fs';
import { append } from './cli/append.ts';
import { close } from './cli/close.ts';
import type { Command } from './cli/command.ts';
import { completionCommand } from './cli/completion.ts';
import { create } from './cli/create.ts';
import { deleteStream } from './cli/delete-stream.ts';
import { doctor } from './cli/doctor.ts';
import { EXIT } from './cli/exit-code.ts';
import { Failure } from './cli/failure.ts';
import { fork } from './cli/fork.ts';
import { head } from './cli/head.ts';
import { helpOf, overview } from './cli/help.ts';
import { type Io, systemIo } from './cli/io.ts';
import { keys } from './cli/keys.ts';
import { projects } from './cli/projects.ts';
import { read } from './cli/read.ts';
import { readArguments } from './cli/read-arguments.ts';
import { run } from './cli/run.ts';
import { serveCommand } from './cli/serve-command.ts';
import { tail } from './cli/tail.ts';
import { tickets } from './cli/tickets.ts';
import { verify } from './cli/verify.ts';
import { nearest } from './runtime/nearest.ts';

const COMMANDS: readonly Command[] = [
  serveCommand,
  run,
  tail,
  read,
  append,
  create,
  head,
  close,
  fork,
  deleteStream,
  keys,
  projects,
  tickets,
  verify,
  doctor,
  completionCommand(() => COMMANDS),
];

process.exitCode = await main(process.argv.slice(2), systemIo());

/** Runs one command; its exit code. */
async function main([name, ...argv]: readonly string[], io: Io): Promise<number> {
  switch (name) {
    case undefined:
      await io.printError(overview(COMMANDS));
      return EXIT.usage;
    case 'version':
    case '--version':
    case '-v':
      await io.print(`${version()}\n`);
      return EXIT.done;
    case 'help':
    case '--help':
    case '-h':
      return help(argv[0], io);
    default: {
      const command = COMMANDS.find((each) => each.name === name);
      if (command === undefined) return unknown(name, io);
      return asksForHelp(command, argv) ? help(name, io) : call(command, argv, io);
    }
  }
}

async function call(command: Command, argv: readonly string[], io: Io): Promise<number> {
  try {
    return await command.run(readArguments(command, command === serveCommand ? [] : argv), io);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    io.warn(error.message);
    if (error.hint !== undefined) io.warn(error.hint);
    return error.exit;
  }
}

/** `--help` counts up to where what is to be run begins: that may have a `--help` of its own. */
function asksForHelp(command: Command, argv: readonly string[]): boolean {
  if (command.takes === 'command-line' && command !== serveCommand)
    return ['--help', '-h'].includes(argv[0] ?? '');
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).some((each) => each === '--help' || each === '-h');
}

async function help(name: string | undefined, io: Io): Promise<number> {
  const command = COMMANDS.find((each) => each.name === name);
  if (name !== undefined && command === undefined) return unknown(name, io);
  await io.print(command === undefined ? overview(COMMANDS) : helpOf(command, await settingsOf(command)));
  return EXIT.done;
}

async function settingsOf(command: Command): Promise<string | undefined> {
  if (command !== serveCommand) return undefined;
  const { settingsHelp } = await import('./runtime/settings-help.ts');
  return `Settings:\n\n${settingsHelp()}`;
}

function unknown(name: string, io: Io): number {
  const closest = nearest(
    name,
    COMMANDS.map((each) => each.name),
  );
  io.warn(`there is no command ${name}.${closest === undefined ? '' : ` Did you mean ${closest}?`}`);
  io.warn('`playhead help` lists them.');
  return EXIT.usage;
}

function version(): string {
  const file: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : 'unknown';
}
