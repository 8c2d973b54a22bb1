import { SseDecoder, type SseMessage } from '@playhead/protocol';
import { backoff } from './backoff.ts';
import { type Client, refusalOf } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';

export interface FollowOptions {
  readonly client: Client;
  /** Path and query; without a position, or with the one to begin at. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** How long to go on trying while there is no connection, ms. */
  readonly patienceMs: number;
  /** Whether the server is known to be there, so that even the first attempt may fail and be made again. */
  readonly known: boolean;
  /** What to resume behind, where a message says so that has no id. */
  resumeOf?(message: SseMessage): string | undefined;
  /** Told once whenever the connection is lost, and when it is there again. */
  changed?(connected: boolean): void;
}

/** A connection on which nothing comes for so long is dead: servers send a heartbeat much more often. */
const SILENCE_MS = 60_000;

/**
 * The messages of an event stream to its end, in the pieces in which they come, through whatever happens to the
 * connection and the server: it reconnects behind the last message that was whole, so nothing is missing and nothing
 * comes twice. Ends when the server says that nothing will follow (204). Throws a Failure for what no further attempt
 * can mend, and for an absence that outlasts the patience.
 */
export async function* followEvents(options: FollowOptions): AsyncGenerator<readonly SseMessage[]> {
  const { signal } = options;
  const pause = backoff();
  let resume = '';
  let awaySince: number | undefined;
  let { known } = options;

  for (;;) {
    const connection = new AbortController();
    const answer = await attempt(options, resume, AbortSignal.any([signal, connection.signal]), known);
    known = true;
    if (answer?.status === 204) return;
    if (answer?.ok === true && answer.body !== null) {
      if (awaySince !== undefined) options.changed?.(true);
      awaySince = undefined;
      for await (const messages of messagesOf(answer.body, connection, signal)) {
        pause.reset();
        for (const message of messages) {
          if (message.lastEventId !== '') resume = message.lastEventId;
          else resume = options.resumeOf?.(message) ?? resume;
        }
        yield messages;
      }
    } else if (answer !== undefined) {
      const refusal = await refusalOf(answer);
      if (answer.status !== 429 && answer.status < 500) throw refusal;
    }
    if (signal.aborted) return;
    const now = performance.now();
    if (awaySince === undefined) {
      awaySince = now;
      options.changed?.(false);
    } else if (now - awaySince > options.patienceMs) throw gaveUp(options, resume);
    await pause.wait(signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}

function gaveUp({ client, patienceMs }: FollowOptions, resume: string): Failure {
  return new Failure(
    EXIT.unreachable,
    `The server at ${client.url} was not there for ${Math.round(patienceMs / 1000)} s.`,
    resume === '' ? undefined : `The last position was ${resume}.`,
  );
}

/** One attempt to connect; undefined if nobody answers. */
async function attempt(
  { client, path }: FollowOptions,
  resume: string,
  signal: AbortSignal,
  known: boolean,
): Promise<Response | undefined> {
  const headers = { accept: 'text/event-stream', ...(resume === '' ? {} : { 'last-event-id': resume }) };
  try {
    return await client.open(path, { headers, signal });
  } catch (error) {
    if (signal.aborted || (known && error instanceof Failure && error.exit === EXIT.unreachable))
      return undefined;
    throw error;
  }
}

/** What comes on one connection, until it ends or breaks: both mean the same to a reader that can resume. */
async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  connection: AbortController,
  signal: AbortSignal,
): AsyncGenerator<readonly SseMessage[]> {
  let messages: SseMessage[] = [];
  const decoder = new SseDecoder({ onMessage: (message) => messages.push(message) });
  const text = new TextDecoder();
  const watchdog = setTimeout(() => connection.abort(), SILENCE_MS);
  try {
    for await (const piece of body) {
      watchdog.refresh();
      decoder.feed(text.decode(piece, { stream: true }));
      if (messages.length === 0) continue;
      yield messages;
      messages = [];
    }
  } catch (error) {
    // A connection that broke, or that was given up here, ends; what is no event stream at all is told.
    if (!isBroken(error) && !connection.signal.aborted && !signal.aborted) throw error;
  } finally {
    clearTimeout(watchdog);
    connection.abort();
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && error.name === 'AbortError');
}
