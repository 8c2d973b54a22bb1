/** Offsets stay below it: four thousand million events in one epoch of one user's channel. */
const STEP = 2 ** 32;

/**
 * The bare number that this face shows for a position (D-3): k · 2³² + offset, k being how many epochs the stream had
 * before. So it is dense and grows within an epoch, and a number from before a loss of history is never mistaken for
 * one from after it.
 */
export function sequenceNumber(epochIndex: number, offset: number): number {
  return epochIndex * STEP + offset;
}

/** What a number stands for. */
export interface NumberParts {
  readonly epochIndex: number;
  readonly offset: number;
}

export function readNumber(number: number): NumberParts {
  return { epochIndex: Math.floor(number / STEP), offset: number % STEP };
}

/** Whether a value from outside can be a number of ours. */
export function isSequenceNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
