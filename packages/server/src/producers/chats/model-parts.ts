import { PlayheadError } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { AnswerPart, Model, ModelRequest } from './model.ts';

/** How often it is looked whether a model has fallen silent, in its patience. */
const LOOKS = 4;

/**
 * The parts of an answer, whatever its model does: nothing follows once `signal` is aborted, also of a model that does
 * not listen, and one that says nothing for about `stallMs` is given up with `upstream-timeout`.
 */
export async function* modelParts(
  model: Model,
  request: ModelRequest,
  clock: Clock,
  stallMs: number,
): AsyncGenerator<AnswerPart, void, void> {
  if (request.signal.aborted) return;
  const giveUp = new AbortController();
  const signal = AbortSignal.any([request.signal, giveUp.signal]);
  // One timer for the whole answer, and no promise that outlives a part: answers have thousands of them.
  let silent = 0;
  using _looking = clock.every(stallMs / LOOKS, () => {
    if (++silent >= LOOKS) giveUp.abort();
  });
  let abort: () => void = () => undefined;
  signal.addEventListener('abort', () => abort());
  const parts = model.answer({ ...request, signal })[Symbol.asyncIterator]();
  const next = (): Promise<IteratorResult<AnswerPart, unknown> | 'aborted'> =>
    new Promise((resolve, reject) => {
      abort = () => resolve('aborted');
      // What it still says behind an abort is of no interest, and neither is how it fails then.
      parts.next().then(resolve, reject);
      if (signal.aborted) abort();
    });
  try {
    for (;;) {
      const step = await next();
      silent = 0;
      if (step === 'aborted') {
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
