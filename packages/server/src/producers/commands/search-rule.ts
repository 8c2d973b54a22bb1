import { formatPosition } from '@playhead/protocol';
import type { Batch, LogEvent } from '../../log/event-log.ts';
import type { SearchDocument, SearchRule } from '../../search/search.ts';

/** Lines that are one document, and the most text of one (in UTF-16 units). */
const LINES = 40;
const TEXT = 4_096;

/** What commands say: the line that was run, what it printed, in stretches of some lines, and how it ended. */
export const commandSearch: SearchRule = {
  prefix: 'commands/',
  // The bytes of its terminal say the same as its lines.
  covers: (name) => !name.endsWith('/pty'),
  documents(_stream, batches) {
    const documents: SearchDocument[] = [];
    for (const batch of batches) documents.push(...inBatch(batch));
    return documents;
  },
};

function* inBatch(batch: Batch): Generator<SearchDocument> {
  let lines: string[] = [];
  let length = 0;
  let first = 0;
  const at = (index: number): string => formatPosition({ epoch: batch.epoch, offset: batch.first + index });
  function* flush(end: number): Generator<SearchDocument> {
    if (lines.length > 0) {
      const about = { kind: 'output', position: at(first), last: at(end - 1), time: batch.time };
      yield { ...about, title: '', text: lines.join('\n').slice(0, TEXT), facets: {} };
    }
    lines = [];
    length = 0;
  }
  for (const [index, event] of batch.events.entries()) {
    const line = lineOf(event);
    if (line !== undefined) {
      if (lines.length === 0) first = index;
      lines.push(line);
      length += line.length;
      if (lines.length === LINES || length >= TEXT) yield* flush(index + 1);
      continue;
    }
    yield* flush(index);
    const other = otherDocument(event);
    if (other !== undefined) yield { ...other, position: at(index), time: batch.time };
  }
  yield* flush(batch.events.length);
}

function lineOf({ type, data }: LogEvent): string | undefined {
  if (type !== 'output' || typeof data !== 'string') return undefined;
  const { line } = JSON.parse(data) as { line?: unknown };
  return typeof line === 'string' ? line : '';
}

function otherDocument({
  type,
  data,
}: LogEvent): Pick<SearchDocument, 'kind' | 'title' | 'text' | 'facets'> | undefined {
  if (typeof data !== 'string') return undefined;
  const about = JSON.parse(data) as Readonly<Record<string, unknown>>;
  switch (type) {
    case 'started': {
      const { command, project, type: how } = about;
      return {
        kind: 'command',
        title: String(command),
        text: String(project),
        facets: { project: String(project), type: String(how) },
      };
    }
    case 'complete': {
      const failed = about['exit_code'] !== 0;
      return {
        kind: 'ending',
        title: '',
        text: failed ? 'failed' : 'succeeded',
        facets: { exit_code: String(about['exit_code']), failed: String(failed) },
      };
    }
    case 'error':
      return { kind: 'problem', title: '', text: String(about['message']), facets: {} };
    default:
      return undefined;
  }
}
