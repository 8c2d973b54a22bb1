import type { Clock } from '../../runtime/clock.ts';
import type { WriterData } from './messages.ts';

/** What the main thread of the engine is made of; see sqlite-log.ts for the settings. */
export interface SqliteParts {
  readonly clock: Clock;
  readonly data: WriterData;
  readonly readers: number;
  readonly uncommittedBytes: number;
  readonly sweepEvery: number;
  readonly streamsInMemory: number;
  readonly lock: Disposable;
}
