import { jsonLine } from '@playhead/protocol';
import { asRecord, type Client, Refusal, textOf } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import { streamPath } from './stream-argument.ts';

/** The most that a server gives at once; it gives less where that would be many bytes. */
const PAGE_EVENTS = 10_000;

/** A page of a stream with what proves it, as the server sent it. */
export interface ProvenPage {
  /** Everything but the events. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly events: readonly unknown[];
}

/** What is kept of a stream, with proof, page by page: to the newest event that there is when it gets there. */
export async function* provenPages(
  client: Client,
  name: string,
  after: string | undefined,
): AsyncGenerator<ProvenPage> {
  let from = after ?? 'start';
  for (;;) {
    const { events, ...head } = asRecord(
      await read(client, `${streamPath(name)}?proof=1&limit=${PAGE_EVENTS}&after=${from}`),
    );
    const list: readonly unknown[] = Array.isArray(events) ? events : [];
    if (list.length === 0) return;
    yield { head, events: list };
    from = textOf(head['next']) ?? '';
  }
}

async function read(client: Client, path: string): Promise<unknown> {
  try {
    return await client.json('GET', path);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'position-lost') throw error;
    const resume = textOf(error.problem['resume']) ?? 'start';
    throw new Failure(EXIT.failed, error.message, `Go on with --after ${resume}.`);
  }
}

/** A page as lines of a file: its head, then its events. */
export function proofLines({ head, events }: ProvenPage): string {
  return [head, ...events].map((line) => `${jsonLine(line)}\n`).join('');
}
