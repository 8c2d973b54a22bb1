import type { Row } from './table.ts';

/** One thing to measure. It starts what it needs, ends it, and gives its lines of the table. */
export type Scenario = (settings: Settings) => Promise<readonly Row[]>;

export interface Settings {
  /** Shorter runs and fewer of them: for a look, not for a claim. */
  readonly quick: boolean;
  /** A folder of this run alone; it is removed at the end. */
  readonly folder: string;
  /** Where Playhead leaves a CPU profile when it ends; absent: none is made. */
  readonly profile?: string;
  /** Says what is going on, on stderr. */
  note(text: string): void;
}
