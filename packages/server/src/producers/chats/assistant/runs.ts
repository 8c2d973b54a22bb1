import type { StreamKey } from '../../../log/stream-key.ts';
import type { Hit } from '../../../search/search.ts';
import type { Memory, Seen } from './memory.ts';
import type { Question } from './question.ts';

/** One run of a command, from its stream. */
export interface Run {
  readonly stream: StreamKey;
  readonly command: string;
  readonly project: string;
  /** ms since 1970. */
  readonly startedAt: number;
  /** Undefined while it runs. */
  readonly end: RunEnd | undefined;
  /** Position of its beginning. */
  readonly position: string;
}

export interface RunEnd {
  readonly position: string;
  readonly exitCode: number;
  readonly durationMs: number;
  /** `exited`, `signalled`, `stopped`, `expired`, `failed` or `lost`. */
  readonly ending: string;
}

/** Runs that a question is about, the newest first. With no subject, or none that fits, runs of anything. */
export async function findRuns(
  memory: Memory,
  { about, within }: Pick<Question, 'about' | 'within'>,
  limit: number,
): Promise<readonly Run[]> {
  const since = within === undefined ? {} : { since: memory.now() - within };
  const query = { kinds: ['command'], order: 'newest' as const, limit, ...since };
  const hits = await memory.find(about === '' ? query : { ...query, text: about });
  return present(await Promise.all(hits.map((hit) => runOf(memory, hit))));
}

/** Failed runs, the newest first. */
export async function findFailed(memory: Memory, question: Question, limit: number): Promise<readonly Run[]> {
  const { about, within } = question;
  if (about !== '') {
    const runs = await findRuns(memory, question, 50);
    return runs.filter(hasFailed).slice(0, limit);
  }
  const since = within === undefined ? {} : { since: memory.now() - within };
  const facets = { failed: 'true' };
  const hits = await memory.find({ kinds: ['ending'], facets, order: 'newest', limit, ...since });
  return present(await Promise.all(hits.map((hit) => runOf(memory, hit))));
}

export function hasFailed({ end }: Run): boolean {
  return end !== undefined && end.exitCode !== 0;
}

async function runOf(memory: Memory, { stream }: Hit): Promise<Run | undefined> {
  const [started, [last], goesOn] = await Promise.all([
    memory.first(stream),
    memory.last(stream, 1),
    memory.goesOn(stream),
  ]);
  if (started?.data === null || started?.type !== 'started' || goesOn === undefined) return undefined;
  const { command, project } = started.data;
  return {
    stream,
    command: String(command),
    project: String(project),
    startedAt: started.time,
    position: started.position,
    end: goesOn || last === undefined ? undefined : endOf(last),
  };
}

function endOf({ type, position, data }: Seen): RunEnd | undefined {
  if (type !== 'complete' || data === null) return undefined;
  const { exit_code: exitCode, duration_ms: durationMs, ending } = data;
  const kind =
    typeof ending === 'object' && ending !== null && 'kind' in ending ? String(ending.kind) : 'lost';
  return { position, exitCode: Number(exitCode), durationMs: Number(durationMs), ending: kind };
}

function present(runs: readonly (Run | undefined)[]): readonly Run[] {
  const found = runs.filter((run) => run !== undefined);
  // One stream may be found by several of its documents.
  return [...new Map(found.map((run) => [run.stream, run])).values()];
}

const TROUBLE =
  /\b(?:error|fail(?:ed|ure|s)?|exception|traceback|panic|fatal|not ok|cannot|could not|unable to|refused|denied|timed out|no such|undefined reference|assert(?:ion)?(?:error)?)\b|✗|✘|×|❌/i;
/** Lines that only count or announce: not where something failed. */
const COUNTING = /\b0 (?:errors?|fail(?:ed|ures?)?)\b|\b(?:error|failure)s?: 0\b/i;

/** The first line of a run's output that tells of trouble; else the last line of its standard error. */
export async function firstFailingLine(memory: Memory, { stream }: Run): Promise<Seen | undefined> {
  const lines = await memory.last(stream, 5_000);
  const output = lines.filter(({ type, data }) => type === 'output' && data !== null && lineOf(data) !== '');
  return (
    output.find(({ data }) => TROUBLE.test(lineOf(data)) && !COUNTING.test(lineOf(data))) ??
    output.findLast(({ data }) => data?.['stream'] === 'stderr')
  );
}

export function lineOf(data: Seen['data']): string {
  const line = data?.['line'];
  return typeof line === 'string' ? line : '';
}
