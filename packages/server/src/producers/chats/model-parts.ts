import { PlayheadError } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { AnswerPart, Model, ModelRequest } from './model.ts';

/**
 * The parts of an answer, whatever its model does: nothing follows once `signal` is aborted, also of a model that does
 * not listen, and one that says nothing for `stallMs` is given up with `upstream-timeout`.
 */
export async function* modelParts(
  model: Model,
  request: ModelRequest,
  clock: Clock,
  stallMs: number,
): AsyncGenerator<AnswerPart, void, void> {
  const giveUp = new AbortController();
  const signal = AbortSignal.any([request.signal, giveUp.signal]);
  const { promise: aborted, resolve: abort } = Promise.withResolvers<'aborted'>();
  if (signal.aborted) return;
  signal.addEventListener('abort', () => abort('aborted'), { once: true });
  const parts = model.answer({ ...request, signal })[Symbol.asyncIterator]();
  try {
    for (;;) {
      using _patience = clock.after(stallMs, () => giveUp.abort());
      const next = parts.next();
      const step = await Promise.race([next, aborted]);
      if (step === 'aborted') {
        // What it still says is of no interest, and neither is how it fails now.
        next.catch(() => undefined);
        if (request.signal.aborted) return;
        throw new PlayheadError('upstream-timeout', 'The model said nothing for too long.');
      }
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    giveUp.abort();
    parts.return?.().catch(() => undefined);
  }
}
