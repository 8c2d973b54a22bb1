import type { SseMessage } from '@playhead/protocol';
import { asRecord, clientOf, textOf } from './client.ts';
import { type Command, type Given, SERVER_FLAGS } from './command.ts';
import { durationMs } from './duration.ts';
import { environmentFlag } from './environment-flag.ts';
import { Failure, usageFailure } from './failure.ts';
import { followEvents } from './follow-events.ts';
import type { Io } from './io.ts';
import { onInterrupt } from './on-interrupt.ts';
import { patienceFlag, patienceOf } from './patience.ts';
import { codeOf, RUN_EXIT } from './run-exit.ts';
import { localSize, runInTerminal } from './run-terminal.ts';
import { type Running, stopper } from './stopper.ts';

export const run: Command = {
  name: 'run',
  summary: 'run a command through the server and stream its output here',
  usage: ['run [flags] [--] COMMAND [ARGUMENT…]', "run [flags] -c 'SHELL LINE'"],
  about: `The command runs in a project of the server; what it writes comes out here, stdout on stdout and stderr on
stderr. If the connection drops or the server is restarted, the output goes on where it was: nothing is missing and
nothing comes twice. Ctrl-C stops the command; Ctrl-C again leaves it and lets it end by itself.

With -t it runs in a terminal of this one's size, and what is typed here goes to it, Ctrl-C too; while the connection
is lost, Ctrl-C leaves it. Without a terminal here it is 80 × 24, stdin is typed, and its end is Ctrl-D.

Exit codes:
  the command's own, or 128 + n if signal n ended it
  124  its time limit ran out
  125  no exit code is known: the server refused it, cannot be reached, or was killed while the command ran
  130  left by a second Ctrl-C, or with -t by Ctrl-C while the connection was lost
  141  whoever read the output went away; the command was stopped
  2    called wrongly; nothing was run`,
  flags: {
    command: {
      type: 'string',
      short: 'c',
      value: 'LINE',
      meaning: 'A line for the shell, instead of a command and arguments',
    },
    project: { type: 'string', short: 'p', value: 'ID', meaning: 'The project (default: my-project)' },
    cwd: { type: 'string', value: 'FOLDER', meaning: 'Where to run it, within the project' },
    env: {
      type: 'string',
      short: 'e',
      value: 'NAME=VALUE',
      multiple: true,
      meaning: 'A variable for it; may be given again',
    },
    timeout: { type: 'string', value: 'DURATION', meaning: 'How long it may run, e.g. 10m' },
    terminal: { type: 'boolean', short: 't', meaning: 'Run it in a terminal, and type to it' },
    detach: { type: 'boolean', short: 'd', meaning: 'Do not wait: print the name of its stream' },
    ...patienceFlag(),
    ...SERVER_FLAGS,
  },
  takes: 'command-line',
  examples: [
    'playhead run npm test',
    "playhead run -c 'make 2>&1 | tail -20' --project site",
    'playhead run -t bash',
    'playhead run --detach -- python train.py --epochs 3',
  ],
  run: runCommand,
};

async function runCommand(given: Given, io: Io): Promise<number> {
  const body = bodyOf(given);
  const patienceMs = patienceOf(given);
  try {
    const client = clientOf(given, io);
    const project = encodeURIComponent(given.text('project') ?? 'my-project');
    const started = asRecord(asRecord(await client.json('POST', `/projects/${project}/shell`, body))['data']);
    const id = textOf(started['id']) ?? '';
    if (given.is('detach') === true) {
      await io.print(`commands/${id}\n`);
      return 0;
    }
    const running = { client, project, id, patienceMs };
    return await (given.is('terminal') === true ? runInTerminal(running, io) : watch(running, io));
  } catch (error) {
    // Its other codes would be taken for the command's.
    if (error instanceof Failure) throw new Failure(RUN_EXIT.unknown, error.message, error.hint);
    throw error;
  }
}

function bodyOf(given: Given): Readonly<Record<string, unknown>> {
  const [program, ...args] = given.words;
  const line = given.text('command');
  if ((program === undefined) === (line === undefined)) {
    throw usageFailure(
      'Say what to run.',
      'Either a command, as in `playhead run npm test`, or a line with -c.',
    );
  }
  const timeout = given.text('timeout');
  const cwd = given.text('cwd');
  return {
    // The program is one word to the shell, whatever it holds; arguments are never parsed by it.
    command: line ?? quoted(program ?? ''),
    ...(args.length === 0 ? {} : { args }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeout === undefined ? {} : { timeout_seconds: durationMs(timeout, '--timeout') / 1000 }),
    ...environmentFlag(given.all('env')),
    ...(given.is('terminal') === true ? { pty: localSize() } : {}),
  };
}

function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Shows a command's output to its end; its exit code. */
async function watch(running: Running, io: Io): Promise<number> {
  const { client, project, id, patienceMs } = running;
  const left = new AbortController();
  const stopping = stopper(running, left.signal, io, () => {
    // Nobody reads what still comes.
    if (io.readerGone.aborted) left.abort();
  });
  let code: number | undefined;
  using _interrupts = onInterrupt((times) => {
    if (times === 1) {
      io.note('stopping the command; Ctrl-C again leaves it running');
      void stopping.request();
      return;
    }
    code = RUN_EXIT.left;
    io.note(`left; \`playhead tail commands/${id}\` shows what it does`);
    left.abort();
  });
  io.readerGone.addEventListener('abort', () => {
    code = RUN_EXIT.readerGone;
    void stopping.request();
  });
  const events = followEvents({
    client,
    path: `/projects/${project}/events?stream_id=${encodeURIComponent(id)}`,
    signal: left.signal,
    known: true,
    patienceMs,
    changed(connected) {
      io.note(connected ? 'connected again' : 'the connection is lost; looking for the server');
      if (connected) void stopping.again();
    },
  });
  for await (const messages of events) {
    const complete = await show(messages, io);
    if (complete !== undefined) return code ?? codeOf(complete, io);
  }
  if (code !== undefined) return code;
  throw new Failure(RUN_EXIT.unknown, 'The stream ended without saying how the command did.');
}

/** Writes what a piece of the stream holds. Gives `complete` if that was in it. */
async function show(
  messages: readonly SseMessage[],
  io: Io,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  let text = '';
  let onStdout = true;
  // Lines of one of both are written together, in the order in which the command wrote them.
  const flush = async (): Promise<void> => {
    const gathered = text;
    text = '';
    if (gathered !== '') await (onStdout ? io.print(gathered) : io.printError(gathered));
  };
  for (const { event, data } of messages) {
    const about = event === 'heartbeat' ? {} : asRecord(JSON.parse(data));
    switch (event) {
      case 'connected':
        if (about['gap'] === true) io.warn(`${amount(about['missed'])} of its output are no longer kept`);
        break;
      case 'output': {
        const toStdout = about['stream'] !== 'stderr';
        if (toStdout !== onStdout) await flush();
        onStdout = toStdout;
        text += `${textOf(about['line']) ?? ''}${about['continues'] === true ? '' : '\n'}`;
        break;
      }
      case 'error':
        await flush();
        io.warn(textOf(about['message']) ?? 'something went wrong');
        break;
      case 'complete':
        await flush();
        return about;
      default:
    }
  }
  await flush();
  return undefined;
}

function amount(missed: unknown): string {
  return typeof missed === 'number' ? `${missed} lines` : 'some lines';
}
