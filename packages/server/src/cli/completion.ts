import type { Command } from './command.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Writes what a shell needs to complete `playhead`: made from what the commands say of themselves. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'print the completion for a shell',
    usage: ['completion bash|zsh|fish'],
    flags: {},
    takes: 'words',
    words: SHELLS,
    examples: [
      'source <(playhead completion bash)',
      'playhead completion zsh > "${fpath[1]}/_playhead"',
      'playhead completion fish > ~/.config/fish/completions/playhead.fish',
    ],
    async run(given, io) {
      const [shell, ...others] = given.words;
      if (others.length > 0) throw usageFailure('One shell at a time.');
      await io.print(scriptFor(shell, await entriesOf(commands())));
      return EXIT.done;
    },
  };
}

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly words: readonly string[];
  readonly flags: readonly { readonly name: string; readonly meaning: string }[];
}

async function entriesOf(commands: readonly Command[]): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const { name, summary, words = [], flags } of commands) {
    const own = name === 'serve' ? await settingFlags() : ownFlags(flags);
    entries.push({ name, summary, words, flags: [...own, { name: '--help', meaning: 'Show this' }] });
  }
  return entries;
}

function ownFlags(flags: Command['flags']): Entry['flags'] {
  return Object.entries(flags).map(([name, { meaning }]) => ({ name: `--${name}`, meaning }));
}

async function settingFlags(): Promise<Entry['flags']> {
  const { flagName, SETTINGS, settingKeys } = await import('../runtime/settings.ts');
  return settingKeys()
    .filter((key) => SETTINGS[key].secret !== true)
    .map((key) => ({ name: flagName(key), meaning: SETTINGS[key].meaning }));
}

function scriptFor(shell: string | undefined, entries: readonly Entry[]): string {
  switch (shell) {
    case 'bash':
      return bash(entries);
    case 'zsh':
      return zsh(entries);
    case 'fish':
      return fish(entries);
    default:
      throw usageFailure('Name your shell: bash, zsh or fish.');
  }
}

/** What follows `run` is a command line of its own, so programs and files are offered there. */
function bash(entries: readonly Entry[]): string {
  const cases = entries.map(
    ({ name, flags, words }) =>
      `    ${name}) COMPREPLY=($(compgen -W '${[...flags.map((flag) => flag.name), ...words].join(' ')}' -- "$word")) ;;`,
  );
  return `# bash completion for playhead
_playhead() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${entries.map(({ name }) => name).join(' ')} help version' -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    help) COMPREPLY=($(compgen -W '${entries.map(({ name }) => name).join(' ')}' -- "$word")) ;;
  esac
}
complete -o default -F _playhead playhead
`;
}

function zsh(entries: readonly Entry[]): string {
  const commands = entries.map(({ name, summary }) => `    '${name}:${escaped(summary)}'`);
  const cases = entries.map(({ name, flags, words }) => {
    const specs = flags.map((flag) => `'${flag.name}[${escaped(flag.meaning)}]'`);
    const rest = words.length > 0 ? `'1:what:(${words.join(' ')})'` : "'*:argument:_default'";
    return `    ${name}) _arguments ${[...specs, rest].join(' ')} ;;`;
  });
  return `#compdef playhead
_playhead() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _playhead ]; then _playhead "$@"; else compdef _playhead playhead; fi
`;
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ name, summary, flags, words }) => [
    `complete -c playhead -f -n __fish_use_subcommand -a ${name} -d '${escaped(summary)}'`,
    ...flags.map(
      (flag) =>
        `complete -c playhead -n '__fish_seen_subcommand_from ${name}' -l ${flag.name.slice(2)} -d '${escaped(flag.meaning)}'`,
    ),
    ...(words.length === 0
      ? []
      : [`complete -c playhead -f -n '__fish_seen_subcommand_from ${name}' -a '${words.join(' ')}'`]),
  ]);
  return `# fish completion for playhead\n${lines.join('\n')}\n`;
}

// Quotes and brackets have a meaning to one shell or the other: the words do without them.
function escaped(text: string): string {
  return text.replaceAll("'", '’').replace(/[[\]:\\`$]/g, ' ');
}
