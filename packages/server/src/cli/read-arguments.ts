import { parseArgs } from 'node:util';
import { nearest } from '../runtime/nearest.ts';
import type { Command, Flags, Given } from './command.ts';
import { usageFailure } from './failure.ts';

/** What a command was called with. Throws a Failure that names what is wrong with it. */
export function readArguments(command: Command, argv: readonly string[]): Given {
  const { flags } = command;
  const [own, rest] = command.takes === 'command-line' ? splitLine(flags, argv) : [argv, undefined];
  const { values, positionals } = parse(command, own);
  for (const [name, { choices }] of Object.entries(flags)) {
    const value = values[name];
    if (choices === undefined || typeof value !== 'string' || choices.includes(value)) continue;
    throw usageFailure(`--${name} is one of ${choices.join(', ')}, not ${value}.`);
  }
  return {
    words: rest ?? positionals,
    text(flag) {
      const value = values[flag];
      const last = Array.isArray(value) ? value.at(-1) : value;
      return typeof last === 'string' ? last : undefined;
    },
    all(flag) {
      const value = values[flag];
      return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
    },
    is(flag) {
      const value = values[flag];
      return typeof value === 'boolean' ? value : undefined;
    },
  };
}

function parse(command: Command, argv: readonly string[]): ReturnType<typeof parseArgs> {
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, allowNegative: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const stranger = argv.find(
      (each) => each.startsWith('--') && each !== '--' && !isKnown(command.flags, each),
    );
    const hint = `\`playhead ${command.name} --help\` shows how it is called.`;
    if (stranger === undefined) throw usageFailure(error.message, hint);
    const closest = nearest(nameOf(stranger), Object.keys(command.flags));
    const guess = closest === undefined ? '' : ` Did you mean --${closest}?`;
    throw usageFailure(`There is no ${stranger.split('=')[0] ?? ''}.${guess}`, hint);
  }
}

/**
 * Parts a command's own flags from the command line that it takes: that begins with the first word that is no flag
 * and no flag's value, so that the flags of what is run need no `--` before them.
 */
function splitLine(flags: Flags, argv: readonly string[]): [string[], string[]] {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') return [argv.slice(0, i), argv.slice(i + 1)];
    if (!word.startsWith('-') || word === '-') return [argv.slice(0, i), argv.slice(i)];
    const flag = word.startsWith('--')
      ? flags[word.slice(2)]
      : Object.values(flags).find(({ short }) => short !== undefined && word === `-${short}`);
    if (flag?.type === 'string' && !word.includes('=')) i++;
  }
  return [[...argv], []];
}

function nameOf(argument: string): string {
  return argument.replace(/^--(?:no-)?/, '').split('=')[0] ?? '';
}

function isKnown(flags: Flags, argument: string): boolean {
  return nameOf(argument) in flags || (argument.slice(2).split('=')[0] ?? '') in flags;
}
