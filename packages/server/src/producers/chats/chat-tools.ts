import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { allows, maySeeStream } from '../../access/principal.ts';
import type { EventLog } from '../../log/event-log.ts';
import { nameOf } from '../../log/stream-key.ts';
import { presentHits } from '../../search/present-hits.ts';
import type { Search } from '../../search/search.ts';
import type { ExecutionEnd, Executor } from '../executor.ts';
import type { ModelRequest } from './model.ts';
import { modelTool, type ModelTools } from './model-tool.ts';
import { quoteStream } from './quote-stream.ts';

export interface ToolParts {
  readonly log: EventLog;
  readonly search: Search;
  readonly executor: Executor;
  /** Where commands of chats run, a folder for each tenant. */
  readonly folder: string;
}

/** Output of one command that a model gets, bytes. */
const OUTPUT = 16 * 1024;
const RUN_MS = 60_000;
const HITS = 10;

const searchInput = z.object({
  text: z.string().max(500).describe('Words to look for'),
  kinds: z
    .array(
      z.enum(['command', 'output', 'ending', 'problem', 'page', 'console', 'download', 'message', 'context']),
    )
    .max(9)
    .optional()
    .describe('Only these kinds of things'),
});
const readInput = z.object({
  stream: z.string().max(256).describe('Name of a stream, such as commands/cmd_1'),
  after: z.string().max(64).optional().describe('A position, or "start"; without it the last events'),
  limit: z.int().min(1).max(100).optional(),
});
const runInput = z.object({ command: z.string().min(1).max(8_192).describe('A line of shell') });

/**
 * What a language model may call for one answer: the search and the streams, as far as whoever asks may see them; and
 * commands only where the question allows it and its key may run them (D-19), because what streams contain was written
 * by others.
 */
export function chatTools(parts: ToolParts, request: ModelRequest): ModelTools {
  const { principal, runCommands, signal } = request;
  const seeing = allows(principal, 'streams:read') ? looking(parts, request) : {};
  if (!runCommands || !allows(principal, 'projects:execute')) return seeing;
  return {
    ...seeing,
    run_command: modelTool(
      'Runs a line of shell in the folder of this tenant’s chats, for at most a minute.',
      runInput,
      ({ command }) => run(parts, principal.tenant, command, signal),
    ),
  };
}

function looking(parts: ToolParts, request: ModelRequest): ModelTools {
  return {
    search_streams: modelTool(
      'Finds words in what agents did: commands and their output, pages visited, messages.',
      searchInput,
      (input) => find(parts, request, input),
    ),
    read_stream: modelTool(
      'Reads events of a stream, from a position or its last ones.',
      readInput,
      ({ stream, after, limit }) =>
        quoteStream(parts.log, request.principal, {
          stream,
          ...(after === undefined ? {} : { after }),
          ...(limit === undefined ? {} : { limit }),
        }),
    ),
  };
}

async function find(
  { log, search }: ToolParts,
  { principal }: ModelRequest,
  { text, kinds }: z.infer<typeof searchInput>,
): Promise<object> {
  const { tenant, userId } = principal;
  const hits = await search.find({
    ...{ tenant, text, words: 'any', limit: HITS },
    ...(userId === null ? {} : { user: userId }),
    ...(kinds === undefined ? {} : { kinds }),
  });
  // A key of the whole tenant is not every user's.
  const seen = hits.filter(({ stream }) => maySeeStream(principal, nameOf(stream)));
  return (await presentHits(log, seen)).map(({ stream, position, kind, title, snippet, time }) => ({
    stream: nameOf(stream),
    position,
    kind,
    time: new Date(time).toISOString(),
    title,
    text: snippet.replaceAll(/[\u0002\u0003]/g, ''),
  }));
}

async function run(
  { executor, folder }: ToolParts,
  tenant: string,
  command: string,
  signal: AbortSignal,
): Promise<object> {
  const root = join(folder, tenant);
  await mkdir(root, { recursive: true });
  const pieces: Buffer[] = [];
  let size = 0;
  const execution = await executor.execute({
    ...{ tenant, root, cwd: '.', command, env: {}, timeLimitMs: RUN_MS, signal },
    output(_, bytes) {
      if (size < OUTPUT) pieces.push(bytes.subarray(0, OUTPUT - size));
      size += bytes.length;
    },
    room: () => undefined,
  });
  const end = await execution.ended;
  const output = Buffer.concat(pieces).toString('utf8');
  return { ...described(end), output, ...(size > OUTPUT ? { output_cut_from: size } : {}) };
}

function described(end: ExecutionEnd): object {
  switch (end.kind) {
    case 'exited':
      return { ending: 'exited', exit_code: end.code };
    case 'signalled':
      return { ending: 'signalled', signal: end.name };
    case 'expired':
    case 'stopped':
      return { ending: end.kind };
  }
}
