import { nameOf } from '../../../log/stream-key.ts';
import type { Hit, SearchQuery } from '../../../search/search.ts';
import { cite, type Memory } from './memory.ts';
import { type Intent, type Question, understand } from './question.ts';
import { findFailed, findRuns, firstFailingLine, hasFailed, lineOf, type Run } from './runs.ts';
import { ago, ended, marked, named, short, shortCommand } from './say.ts';

/** The sentences of an answer, as they are found. An answer that found nothing yields none. */
export type Sentences = AsyncGenerator<string, void, void>;

/** At most so many things are listed. */
const LISTED = 5;
/** So many are looked at for those. */
const CONSIDERED = 50;
/** Lines shown on each side of one that was asked for. */
const AROUND = 3;

export const ANSWERS: Readonly<
  Record<Exclude<Intent, 'self'>, (memory: Memory, question: Question) => Sentences>
> = {
  running,
  failures,
  'last-run': lastRun,
  duration: lastRun,
  count,
  output,
  pages,
  'looked-at': lookedAt,
  downloads,
  search: anything,
};

async function* lastRun(memory: Memory, question: Question): Sentences {
  const [run] = await findRuns(memory, question, 1);
  if (run === undefined) {
    yield* question.about === '' ? nothing() : anything(memory, question);
    return;
  }
  yield `The last run of ${named(run)} ${ended(run, memory.now())}.`;
  yield* trouble(memory, run);
}

async function* trouble(memory: Memory, run: Run): Sentences {
  if (!hasFailed(run)) return;
  const line = await firstFailingLine(memory, run);
  if (line === undefined) yield ' It printed no line that tells why.';
  else
    yield ` The first failing line is \`${short(lineOf(line.data), 300)}\` ${cite(run.stream, line.position)}.`;
}

async function* failures(memory: Memory, question: Question): Sentences {
  const failed = await findFailed(memory, question, LISTED);
  for (const run of failed) {
    yield `${named(run)} ${ended(run, memory.now())}.`;
    yield* trouble(memory, run);
    yield '\n';
  }
  const problems = await memory.find({
    ...common(memory, question),
    kinds: ['problem'],
    order: 'newest',
    limit: LISTED,
  });
  for (const { stream, position, text, time } of problems) {
    yield `${nameOf(stream)}: ${short(text, 200)}, ${ago(time, memory.now())} ${cite(stream, position)}.\n`;
  }
  if (failed.length > 0 || problems.length > 0) return;
  // Asked about something that did not fail: say how it ended.
  const [run] = await findRuns(memory, question, 1);
  if (run !== undefined)
    yield `Nothing that failed. The last run of ${named(run)} ${ended(run, memory.now())}.`;
}

async function* running(memory: Memory, question: Question): Sentences {
  const runs = (await findRuns(memory, question, 100)).filter(({ end }) => end === undefined);
  if (runs.length === 0) {
    const [last] = await findRuns(memory, { about: '', within: undefined }, 1);
    if (last !== undefined)
      yield `Nothing is running now. The last run, ${named(last)}, ${ended(last, memory.now())}.`;
    return;
  }
  yield runs.length === 1 ? 'One command is running now: ' : `${runs.length} commands are running now:\n`;
  for (const run of runs.slice(0, LISTED)) yield `${named(run)} ${ended(run, memory.now())}.\n`;
}

async function* count(memory: Memory, question: Question): Sentences {
  const runs = await findRuns(memory, question, 1_000);
  if (runs.length === 0) return;
  const failed = runs.filter(hasFailed).length;
  const [newest] = runs;
  const what = question.about === '' ? 'Commands ran' : `\`${question.about}\` ran`;
  yield `${what} ${runs.length === 1000 ? 'at least 1000' : runs.length} time${runs.length === 1 ? '' : 's'}, ${failed} of them failed.`;
  if (newest !== undefined) yield ` The last, ${named(newest)}, ${ended(newest, memory.now())}.`;
}

async function* output(memory: Memory, question: Question): Sentences {
  const { about, phrase } = question;
  const wanted = phrase ?? about;
  if (wanted === '') {
    yield* lastOutput(memory, question);
    return;
  }
  // "what did `npm test` print around 'timeout'": the first names the command. With one text alone it is the phrase,
  // unless a command is called so and nothing printed it.
  const [run] = phrase === undefined ? [] : await findRuns(memory, question, 1);
  const scope = run === undefined ? {} : { stream: run.stream };
  const hits = await memory.find({
    ...common(memory, question),
    ...scope,
    text: wanted,
    kinds: ['output'],
    limit: 3,
  });
  if (hits.length === 0) {
    yield* lastOutput(memory, question);
    return;
  }
  for (const hit of hits) yield* linesAround(memory, hit, wanted);
}

async function* linesAround(memory: Memory, hit: Hit, wanted: string): Sentences {
  const words = wanted.toLowerCase().split(/\s+/);
  const lines = await memory.around(hit.stream, hit.position, AROUND, 60);
  const at = lines.findIndex(
    ({ position, data }) =>
      position >= hit.position && words.every((word) => lineOf(data).toLowerCase().includes(word)),
  );
  const from = Math.max(0, (at < 0 ? AROUND : at) - AROUND);
  const shown = lines
    .slice(from, (at < 0 ? AROUND : at) + AROUND + 1)
    .filter(({ type }) => type === 'output');
  const first = await memory.first(hit.stream);
  const command = first?.type === 'started' ? String(first.data?.['command']) : nameOf(hit.stream);
  const position = lines[at]?.position ?? hit.position;
  yield `\`${shortCommand(command)}\` printed, ${ago(hit.time, memory.now())} ${cite(hit.stream, position)}:\n`;
  yield `\`\`\`\n${shown
    .map(({ data }) => lineOf(data))
    .join('\n')
    .slice(0, 2_000)}\n\`\`\`\n`;
}

async function* lastOutput(memory: Memory, question: Question): Sentences {
  const [run] = await findRuns(memory, question, 1);
  if (run === undefined) return;
  const lines = (await memory.last(run.stream, 12)).filter(({ type }) => type === 'output');
  const [first] = lines;
  if (first === undefined) {
    yield `${named(run)} printed nothing ${cite(run.stream, run.position)}.`;
    return;
  }
  yield `The last lines of ${named(run)} ${cite(run.stream, first.position)}:\n`;
  yield `\`\`\`\n${lines.map(({ data }) => lineOf(data)).join('\n')}\n\`\`\`\n`;
}

async function* pages(memory: Memory, question: Question): Sentences {
  const query = { ...common(memory, question), kinds: ['page'], order: 'newest' as const, limit: 100 };
  const hits = await memory.find(question.about === '' ? query : { ...query, text: question.about });
  const newest = new Map<string, Hit>();
  for (const hit of hits) if (!newest.has(hit.text)) newest.set(hit.text, hit);
  if (newest.size === 0) return;
  yield newest.size === 1
    ? 'This page was visited:\n'
    : `${newest.size} pages were visited, the newest first:\n`;
  for (const hit of [...newest.values()].slice(0, 2 * LISTED)) yield `- ${page(hit, memory.now())}\n`;
}

async function* lookedAt(memory: Memory, question: Question): Sentences {
  const query = { ...common(memory, question), order: 'newest' as const, limit: 1 };
  const text = question.about === '' ? {} : { text: question.about };
  const [context] = await memory.find({ ...query, ...text, kinds: ['context'] });
  const [visited] = context === undefined ? await memory.find({ ...query, ...text, kinds: ['page'] }) : [];
  const hit = context ?? visited;
  if (hit !== undefined) yield `The last that was looked at is ${page(hit, memory.now())}.`;
}

async function* downloads(memory: Memory, question: Question): Sentences {
  const query = { ...common(memory, question), kinds: ['download'], order: 'newest' as const, limit: LISTED };
  const hits = await memory.find(question.about === '' ? query : { ...query, text: question.about });
  for (const { stream, position, title, text, time, facets } of hits) {
    yield `${title}, from ${text}: ${facets['state']}, ${ago(time, memory.now())} ${cite(stream, position)}.\n`;
  }
}

/** Whatever holds the words of the question: all of them, else some. */
async function* anything(memory: Memory, question: Question): Sentences {
  if (question.about === '') return;
  const query = { ...common(memory, question), text: question.about, limit: CONSIDERED };
  const evidence = async (words: 'all' | 'any'): Promise<readonly Hit[]> =>
    (await memory.find({ ...query, words })).filter((hit) => isEvidence(hit, question)).slice(0, LISTED);
  const all = await evidence('all');
  const hits = all.length > 0 ? all : await evidence('any');
  if (hits.length === 0) return;
  yield all.length > 0
    ? `About "${short(question.about, 80)}":\n`
    : 'Not all of that is in one place; the nearest is:\n';
  for (const { stream, position, kind, snippet, time } of hits) {
    yield `- ${kind}, ${ago(time, memory.now())} ${cite(stream, position)}: ${marked(snippet)}\n`;
  }
}

/** Who asked the same before has said nothing about it, and an answer only repeats what is found elsewhere. */
function isEvidence({ kind, facets, text }: Hit, { about }: Question): boolean {
  return kind !== 'message' || (facets['role'] === 'user' && understand(text).about !== about);
}

async function* nothing(): Sentences {}

function page({ stream, position, title, text, facets, time }: Hit, now: number): string {
  // The text of a context is all that was on its page.
  const url = facets['url'] ?? text;
  const name = title === '' ? url : `${short(title, 100)} (${url})`;
  return `${name}, ${ago(time, now)} ${cite(stream, position)}`;
}

function common(memory: Memory, { within }: Question): Pick<SearchQuery, 'since'> {
  return within === undefined ? {} : { since: memory.now() - within };
}
