import { PlayheadError } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Ending } from '../../sessions/ending.ts';
import { type Session, type StopCause, shortened } from '../../sessions/session.ts';
import { appendPieces } from './append-pieces.ts';
import {
  type AnswerEnding,
  doneEvent,
  type Failure,
  failureEvent,
  partEvent,
  type SaidPart,
} from './events.ts';
import type { AnswerPart } from './model.ts';
import type { ChatSettings } from './settings.ts';
import { createWholeText } from './whole-text.ts';

export interface AnswerRun {
  readonly session: Session;
  /** What the model says. Ends when the session shall. */
  readonly said: AsyncIterable<AnswerPart>;
  /**
   * Puts the answer's text into its chat. Called before the end is written, so that whoever saw the end finds it there,
   * and again behind the end: a call that failed is repeated, one that did not changes nothing.
   */
  keep(text: string, ending: AnswerEnding): Promise<void>;
  /** Told right before the end is written. */
  finishing(): void;
}

export interface RunParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: ChatSettings;
}

/**
 * Runs an answer from its first piece to `done`. Each piece is appended as it comes; the text is kept beside it for
 * the chat's message, bounded by the limit. Never rejects.
 */
export async function runAnswer(parts: RunParts, run: AnswerRun): Promise<void> {
  const { clock, logger, settings } = parts;
  const { session } = run;
  const { outlet, signal } = session;
  const text: string[] = [];
  const whole = { text: createWholeText(), reasoning: createWholeText() };
  const pieces = appendPieces(outlet);
  let bytes = 0;
  let finish: Extract<AnswerPart, { kind: 'finish' }> | undefined;
  let failure: Failure | undefined;

  function say(part: SaidPart): void {
    if (part.kind === 'text' || part.kind === 'reasoning') {
      if (part.text === '') return;
      bytes += Buffer.byteLength(part.text);
    } else {
      bytes += Buffer.byteLength(String(partEvent(part).data));
    }
    if (part.kind === 'text') text.push(part.text);
    pieces.add(part);
  }

  function take(part: AnswerPart): void {
    switch (part.kind) {
      case 'text':
      case 'reasoning':
        say({ kind: part.kind, text: whole[part.kind].add(part.text) });
        return;
      case 'tool-call':
      case 'tool-result':
        say(part);
        return;
      case 'finish':
        finish = part;
    }
  }

  try {
    for await (const part of run.said) {
      take(part);
      if (bytes > settings.answerBytes) throw tooLong(settings.answerBytes);
      const room = outlet.room();
      if (room !== undefined) await room;
    }
    if (!signal.aborted && text.length === 0) throw empty();
  } catch (error) {
    if (!signal.aborted) {
      failure = failureOf(error);
      if (!(error instanceof PlayheadError)) logger.error({ error }, 'a model failed in an unknown way');
    }
  }
  say({ kind: 'reasoning', text: whole.reasoning.end() });
  say({ kind: 'text', text: whole.text.end() });
  pieces.flush();
  const ending = endingOf(session.cause, failure);
  const keep = (): Promise<void> => run.keep(text.join(''), ending.said);
  try {
    await keep();
  } catch (error) {
    logger.error(
      { stream: shortened(session.key), error },
      'an answer is not in its chat yet; it is tried again',
    );
  }
  const done = doneEvent({
    ending: ending.said,
    ...(finish === undefined ? {} : { finish_reason: finish.reason }),
    ...(finish?.usage === undefined ? {} : { usage: finish.usage }),
    duration_ms: clock.now() - session.openedAt,
  });
  run.finishing();
  const said = failure ?? ending.failure;
  await session.end(ending.recorded, said === undefined ? [done] : [failureEvent(said), done], keep);
}

interface AnswerEnds {
  readonly said: AnswerEnding;
  readonly recorded: Ending;
  /** What is told of it besides, where the model is not what failed. */
  readonly failure?: Failure;
}

function endingOf(cause: StopCause | undefined, failure: Failure | undefined): AnswerEnds {
  if (failure !== undefined) {
    return { said: 'failed', recorded: { kind: 'failed', reason: failure.reason ?? failure.code } };
  }
  switch (cause?.kind) {
    case undefined:
      return { said: 'completed', recorded: { kind: 'exited', code: 0 } };
    case 'stopped':
      return { said: 'stopped', recorded: cause };
    case 'expired':
      return {
        said: 'expired',
        recorded: cause,
        failure: {
          code: 'upstream-timeout',
          message: 'The answer took longer than it may.',
          reason: 'time-limit',
        },
      };
    case 'failed':
      return {
        said: 'failed',
        recorded: cause,
        failure: { code: 'internal', message: 'The answer could not be kept.', reason: cause.reason },
      };
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof PlayheadError)) {
    return { code: 'internal', message: 'The model failed. The log of the server says why.' };
  }
  const { reason, retry_after: retryAfter } = error.extensions;
  return {
    code: error.code,
    message: error.message,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof retryAfter === 'number' ? { retry_after: retryAfter } : {}),
  };
}

function tooLong(limit: number): PlayheadError {
  return new PlayheadError('too-large', `The answer is longer than ${limit} bytes.`, {
    extensions: { reason: 'limit' },
  });
}

function empty(): PlayheadError {
  return new PlayheadError('upstream-failed', 'The model gave an empty answer. Try again.', {
    extensions: { reason: 'empty' },
  });
}
