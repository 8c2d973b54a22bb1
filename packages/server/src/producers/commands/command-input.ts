import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { TerminalSize } from '../../launcher/launcher.ts';
import { checkInput } from '../check-input.ts';
import { environmentSchema } from '../environment-schema.ts';
import type { CommandType } from './events.ts';
import type { CommandSettings } from './settings.ts';
import { DEFAULT_SIZE, terminalSizeSchema } from './terminal-size.ts';

/** What a command runs, and how it is shown. */
export interface Program {
  readonly type: CommandType;
  readonly argv: readonly [string, ...string[]];
  readonly command: string;
}

// One argument of a process holds at most 128 KiB on Linux.
const TEXT_MAX = 100 * 1024;
const text = z
  .string()
  .refine((value) => Buffer.byteLength(value) <= TEXT_MAX, `must be at most ${TEXT_MAX} bytes`)
  .refine((value) => !value.includes('\0'), 'must not hold NUL');
const some = text.refine((value) => value.trim() !== '', 'must not be empty');
const args = z.array(text).max(1000);

const common = {
  stream_id: z.string().max(300).optional(),
  cwd: text.optional(),
  env: environmentSchema.optional(),
  timeout_seconds: z.number().positive().optional(),
  pty: z.union([z.boolean(), terminalSizeSchema]).optional(),
};

/** What every way to start something takes. */
export interface StartInput {
  readonly program: Program;
  /** An id that the caller chose. */
  readonly streamId?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly timeLimitMs?: number | undefined;
  /** It shall run in a terminal of this size. */
  readonly terminal?: TerminalSize | undefined;
}

/** What the bodies are turned into programs with. */
export interface ProgramChoice {
  readonly shell: string;
  readonly agent: CommandSettings['agent'];
}

// Members that nobody knows are ignored, as the documented system does.
const shell = z.object({ ...common, command: some, args: args.optional() });
const git = z.object({ ...common, args: args.min(1) });
const claude = z.object({
  ...common,
  prompt: some,
  continue_conversation: z.boolean().optional(),
  conversation_id: z.string().max(300).optional(),
});
const exec = z.discriminatedUnion('type', [
  shell.extend({ type: z.literal('shell') }),
  git.extend({ type: z.literal('git') }),
  claude.extend({ type: z.literal('claude') }),
]);

/** The body of `POST …/shell`. All of these throw `invalid-request`. */
export function readShell(body: unknown, choice: ProgramChoice): StartInput {
  const input = checkInput(shell, body);
  return { ...startOf(input), program: shellProgram(input, choice.shell) };
}

/** The body of `POST …/git`: arguments as they are, no shell in between (D-26). */
export function readGit(body: unknown): StartInput {
  const input = checkInput(git, body);
  return { ...startOf(input), program: gitProgram(input) };
}

/**
 * The body of `POST …/claude`. Throws `not-served` where no agent is configured, or where more than one answer is
 * asked of it.
 */
export function readClaude(body: unknown, choice: ProgramChoice): StartInput {
  const input = checkInput(claude, body);
  return { ...startOf(input), program: claudeProgram(input, choice.agent) };
}

/** The body of `POST …/sessions/{sid}/exec`: one of them, named by `type`. */
export function readExec(body: unknown, choice: ProgramChoice): StartInput {
  const input = checkInput(exec, body);
  switch (input.type) {
    case 'shell':
      return { ...startOf(input), program: shellProgram(input, choice.shell) };
    case 'git':
      return { ...startOf(input), program: gitProgram(input) };
    case 'claude':
      return { ...startOf(input), program: claudeProgram(input, choice.agent) };
  }
}

function startOf(input: z.infer<z.ZodObject<typeof common>>): Omit<StartInput, 'program'> {
  const { stream_id: streamId, cwd, env, timeout_seconds: seconds, pty } = input;
  return {
    streamId,
    cwd,
    env,
    timeLimitMs: seconds === undefined ? undefined : seconds * 1000,
    terminal: pty === true ? DEFAULT_SIZE : pty === false ? undefined : pty,
  };
}

// `<shell> -c <command>`. Arguments are added to the end of the command as words of their own, whatever they hold:
// the shell takes them as parameters and never parses them.
function shellProgram(input: z.infer<typeof shell>, program: string): Program {
  const added = input.args ?? [];
  const line = added.length === 0 ? input.command : `${input.command} "$@"`;
  const argv = [program, '-c', line, ...(added.length === 0 ? [] : [program, ...added])] as const;
  return { type: 'shell', argv, command: [input.command, ...added].join(' ') };
}

function gitProgram(input: z.infer<typeof git>): Program {
  return { type: 'git', argv: ['git', ...input.args], command: ['git', ...input.args].join(' ') };
}

function claudeProgram(input: z.infer<typeof claude>, agent: CommandSettings['agent']): Program {
  if (agent === undefined) throw new PlayheadError('not-served', 'No agent is configured on this server.');
  if (input.continue_conversation === true || input.conversation_id !== undefined) {
    throw new PlayheadError(
      'not-served',
      'Conversations with the agent are not kept: each prompt stands alone.',
    );
  }
  return { type: 'claude', argv: [...agent, input.prompt], command: input.prompt };
}
