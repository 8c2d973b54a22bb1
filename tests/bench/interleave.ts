import { whenQuiet } from './quiet.ts';

/**
 * Measures several things in turns, A B C A B C …, so that whatever drifts on the machine meets them all alike.
 * The results stand in rounds: those of one index were measured side by side.
 */
export async function interleave<Name extends string, Result>(
  measures: { readonly [Key in Name]?: () => Promise<Result> },
  rounds: number,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(measures) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const measure = measures[name];
      if (measure !== undefined) results[name].push(await whenQuiet(measure));
    }
  }
  return results;
}

/** 0 if there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** The median of the ratios within each round: steadier than the ratio of the medians. */
export function pairwiseRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.flatMap((value, round) => (theirs[round] === undefined ? [] : [value / theirs[round]])));
}
