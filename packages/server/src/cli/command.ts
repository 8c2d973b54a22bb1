import type { Io } from './io.ts';

/** One command of `playhead`. Help and completion are made from what it says of itself. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** How it is called, behind `playhead `. */
  readonly usage: readonly string[];
  /** What else there is to know; text as it is shown. */
  readonly about?: string;
  readonly flags: Flags;
  /** First words that it takes, if it takes fixed ones. */
  readonly words?: readonly string[];
  readonly examples: readonly string[];
  /** What is not a flag: words, or a command line that begins with the first word (or behind `--`) and is kept as it is. */
  readonly takes: 'words' | 'command-line';
  /** Resolves with the exit code; throws a Failure. */
  run(given: Given, io: Io): Promise<number>;
}

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What stands for the value in help, e.g. `NAME`. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly multiple?: true;
  readonly meaning: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What a command was called with. */
export interface Given {
  readonly words: readonly string[];
  /** The value of a flag; the last one, if it was given several times. */
  text(flag: string): string | undefined;
  /** All values of a flag that may be given several times. */
  all(flag: string): readonly string[];
  /** `--flag`, `--no-flag`, or undefined if neither was given. */
  is(flag: string): boolean | undefined;
}

/** Flags of every command that talks to a server. */
export const SERVER_FLAGS: Flags = {
  url: { type: 'string', value: 'URL', meaning: 'The server (default: PLAYHEAD_URL, else this machine)' },
  'data-folder': {
    type: 'string',
    value: 'FOLDER',
    meaning: 'Where a local server keeps its key (default: PLAYHEAD_DATA, else .playhead)',
  },
};

/** For commands that list or show. */
export const OUTPUT_FLAG: Flags = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FORMAT',
    choices: ['text', 'json'],
    meaning: 'text, or json: one JSON document a line',
  },
};
