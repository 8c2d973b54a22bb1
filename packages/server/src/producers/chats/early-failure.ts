import { PlayheadError, type ProblemCode, PROBLEMS } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import { continued } from './continued.ts';
import type { Failure } from './events.ts';
import type { Followed } from './follow-answer.ts';

export type Early =
  /** It failed before it said anything. */
  | { readonly kind: 'failed'; readonly error: PlayheadError }
  /** It began: all of its events. */
  | { readonly kind: 'begun'; readonly events: AsyncIterable<Followed, void, void> }
  /** It has not said anything for `ms`: all of its events. */
  | { readonly kind: 'late'; readonly events: AsyncIterable<Followed, void, void> };

/** Looks how an answer begins, for at most `ms`, so that a failure can still become the status of a response (D-42). */
export async function readFailure(
  answer: AsyncIterable<Followed, void, void>,
  clock: Clock,
  ms: number,
): Promise<Early> {
  const events = answer[Symbol.asyncIterator]();
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  using _timer = clock.after(ms, () => resolve('late'));
  const seen: Followed[] = [];
  for (;;) {
    const next = events.next();
    const step = await Promise.race([next, late]);
    if (step === 'late') return { kind: 'late', events: continued(seen, next, events) };
    if (step.done === true) return { kind: 'begun', events: continued(seen, next, events) };
    const { event } = step.value;
    if (event.type === 'error') {
      await events.return?.();
      return { kind: 'failed', error: errorOf(event) };
    }
    seen.push(step.value);
    if (event.type === 'text' || event.type === 'done') {
      return { kind: 'begun', events: continued(seen, undefined, events) };
    }
  }
}

function errorOf({ code, message, reason, retry_after }: Failure): PlayheadError {
  return new PlayheadError(isProblemCode(code) ? code : 'upstream-failed', message, {
    extensions: {
      ...(reason === undefined ? {} : { reason }),
      ...(retry_after === undefined ? {} : { retry_after }),
    },
  });
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
