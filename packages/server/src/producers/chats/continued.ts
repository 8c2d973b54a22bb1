/**
 * What was begun to be read, from its beginning: what was seen, what was asked for already, and the rest. Leaving it
 * early ends the source.
 */
export async function* continued<T>(
  seen: readonly T[],
  pending: Promise<IteratorResult<T, void>> | undefined,
  source: AsyncIterator<T, void>,
): AsyncGenerator<T, void, void> {
  try {
    yield* seen;
    for (let next = pending ?? source.next(); ; next = source.next()) {
      const step = await next;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    await source.return?.();
  }
}
