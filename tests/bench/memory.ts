import { residentMegabytes } from './process-status.ts';

export interface MemoryWatch extends Disposable {
  /** Resident MiB, one value every half second since it began. */
  readonly samples: readonly number[];
}

/** Samples a process's resident memory until disposed. */
export function watchMemory(pid: number): MemoryWatch {
  const samples: number[] = [residentMegabytes(pid)];
  const timer = setInterval(() => samples.push(residentMegabytes(pid)), 500);
  return { samples, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Where it stood, e.g. `120 → 131 MiB, peak 140`: over the first fifth, and over the last. */
export function memoryCourse(samples: readonly number[]): {
  text: string;
  first: number;
  last: number;
  peak: number;
} {
  const part = Math.max(1, Math.floor(samples.length / 5));
  const first = mean(samples.slice(0, part));
  const last = mean(samples.slice(-part));
  const peak = Math.max(...samples);
  return { text: `${first.toFixed(0)} → ${last.toFixed(0)} MiB, peak ${peak.toFixed(0)}`, first, last, peak };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
