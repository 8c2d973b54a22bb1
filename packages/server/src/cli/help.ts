import type { Command, Flag, Flags } from './command.ts';
import { EXIT_HELP } from './exit-code.ts';

/** What `playhead help` shows. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `playhead: one server that streams what agents do

${rows.join('\n')}

\`playhead COMMAND --help\` shows how one is called, \`playhead version\` the version.

Commands find their server by PLAYHEAD_URL and show it the key in PLAYHEAD_API_KEY. Without the first they take the
server on this machine, without the second the admin key in its data folder, if they may read it.

${EXIT_HELP}`;
}

/** What `playhead COMMAND --help` shows. */
export function helpOf(command: Command, settings: string | undefined): string {
  const { usage, about, flags, examples, summary } = command;
  const parts = [
    `playhead ${command.name}: ${summary}`,
    usage.map((line) => `  playhead ${line}`).join('\n'),
    about,
    Object.keys(flags).length === 0 ? undefined : `Flags:\n${flagRows(flags)}`,
    settings,
    `Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`,
  ];
  const text = parts.filter((part) => part !== undefined).join('\n\n');
  return text.includes('Exit codes:') ? `${text}\n` : `${text}\n\n${EXIT_HELP}`;
}

const HELP_FLAG: Flag = { type: 'boolean', short: 'h', meaning: 'Show this' };

function flagRows(flags: Flags): string {
  const rows = Object.entries({ ...flags, help: HELP_FLAG }).map(([name, { short, value, meaning }]) => {
    const letter = short === undefined ? '    ' : `-${short}, `;
    return [`${letter}--${name}${value === undefined ? '' : ` ${value}`}`, meaning] as const;
  });
  const width = Math.max(...rows.map(([shown]) => shown.length));
  return rows.map(([shown, meaning]) => `  ${shown.padEnd(width)}  ${meaning}`).join('\n');
}
