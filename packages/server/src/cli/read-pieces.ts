import { backoff } from './backoff.ts';
import { Refusal } from './client.ts';
import { ask, HEADER, isJson, isSet, nextOf, streamRefusal } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import { messageTexts } from './message-texts.ts';
import { retried } from './retried.ts';
import type { StreamTarget } from './stream-target.ts';

export interface ReadOptions {
  readonly target: StreamTarget;
  /** An offset, `-1` or `now`. */
  readonly from: string;
  /** Waits for more at the end, until the stream is closed. */
  readonly live: boolean;
  readonly signal: AbortSignal;
  /** How long to go on trying while there is no connection, ms. */
  readonly patienceMs: number;
  /** Told once whenever the connection is lost, and when it is there again. */
  changed?(connected: boolean): void;
}

/** What one answer brought, never without anything new. */
export interface Piece {
  /** Of a stream of JSON: each message as text, on one line. Of any other the bytes. */
  readonly content: { readonly kind: 'messages'; readonly texts: readonly string[] } | BytesContent;
  /** Where to go on. */
  readonly next: string;
  /** Nothing will ever follow. */
  readonly closed: boolean;
}

interface BytesContent {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}

/** Bytes of one answer: some servers give a whole stream at once. */
const ANSWER_MAX = 512 * 2 ** 20;

/** No server holds a long-poll that long: the connection is dead. */
const SILENCE_MS = 120_000;

/** An answer that brings nothing sooner than this is followed by a pause. */
const TOO_SOON_MS = 50;

/**
 * What follows an offset, in the pieces in which the server gives it; a last one that is empty tells that the stream is
 * closed. It goes on where it was when a connection breaks: a piece is given once it is whole, so nothing is missing
 * and nothing comes twice. Throws a Failure for what no further attempt can mend. It waits by long-polling, because
 * an event stream cannot carry every text unchanged.
 */
export async function* readPieces(options: ReadOptions): AsyncGenerator<Piece> {
  const { target, signal } = options;
  const pause = backoff();
  let offset = options.from;
  let cursor: string | undefined;
  let waiting = options.live && offset === 'now';
  let known = false;
  for (;;) {
    const asked = performance.now();
    const query = {
      offset,
      ...(waiting ? { live: 'long-poll' } : {}),
      ...(waiting && cursor !== undefined ? { cursor } : {}),
    };
    const attempt = (): Promise<Answer> => answerOf(target, query, signal);
    let answer: Answer;
    try {
      // A server that was never there is told at once.
      answer = known ? await retried(attempt, options) : await attempt();
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof Failure ? withHint(error, offset) : error;
    }
    known = true;
    const { content, next, closed } = answer;
    cursor = answer.cursor ?? cursor;
    const empty = content.kind === 'bytes' ? content.bytes.length === 0 : content.texts.length === 0;
    if (!empty || closed) yield { content, next, closed };
    if (closed || signal.aborted) return;
    const moved = next !== offset;
    offset = next;
    if (!options.live && (answer.upToDate || !moved)) return;
    waiting = answer.upToDate;
    if (moved) pause.reset();
    // A server that neither gives anything nor waits must not be asked in a circle.
    else if (performance.now() - asked < TOO_SOON_MS) await pause.wait(signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}

interface Answer extends Piece {
  readonly upToDate: boolean;
  readonly cursor: string | undefined;
}

async function answerOf(
  target: StreamTarget,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  const silence = AbortSignal.timeout(SILENCE_MS);
  try {
    const response = await ask(target, { query, signal: AbortSignal.any([signal, silence]) });
    const { status, headers } = response;
    if (!response.ok) throw await streamRefusal(target, response);
    const bytes = status === 204 ? new Uint8Array() : await wholeBody(response);
    const json = status === 200 && isJson(headers.get('content-type') ?? '');
    const closed = isSet(headers, HEADER.closed);
    return {
      content: json
        ? { kind: 'messages', texts: messageTexts(new TextDecoder().decode(bytes)) }
        : { kind: 'bytes', bytes },
      next: nextOf(target, headers),
      closed,
      upToDate: closed || status === 204 || isSet(headers, HEADER.upToDate),
      cursor: headers.get(HEADER.cursor) ?? undefined,
    };
  } catch (error) {
    // Whether it broke, or was given up as dead: it is not there.
    if (signal.aborted || !(silence.aborted || error instanceof TypeError)) throw error;
    throw new Failure(EXIT.unreachable, `The connection to ${target.shown} is lost.`);
  }
}

async function wholeBody(response: Response): Promise<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  const pieces: Uint8Array[] = [];
  let length = 0;
  if (body === null) return new Uint8Array();
  for await (const piece of body) {
    length += piece.length;
    if (length > ANSWER_MAX) {
      throw new Failure(EXIT.failed, `The server sends more than ${ANSWER_MAX} bytes in one answer.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** What to do next: from where to go on, or that it has to begin again. */
function withHint(error: Failure, offset: string): Failure {
  const { exit, message, hint } = error;
  if (!(error instanceof Refusal)) return new Failure(exit, message, hint ?? `Go on with --after=${offset}.`);
  return error.status === 410 ? new Failure(exit, message, 'Begin with what is kept: --after start.') : error;
}
