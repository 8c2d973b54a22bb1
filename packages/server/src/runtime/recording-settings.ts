import { z } from 'zod';
import { type RowsOf, row } from './setting-row.ts';
import { duration, integer, size } from './setting-value.ts';

/** What is kept of live pictures that are recorded, and what may be made of it. */
export interface RecordingSettings {
  readonly recordingFps: number;
  readonly recordingStillMs: number;
  readonly recordingAgeMs: number;
  readonly recordingBytes: number;
  readonly recordingExports: number;
  readonly recordingExportMs: number;
}

const DAY = 86_400_000;

export const RECORDING_ROWS: RowsOf<RecordingSettings> = {
  recordingFps: row(
    z.coerce.number().min(0.01).max(60),
    2,
    'Frames a second that are recorded, unless a recording says',
  ),
  recordingStillMs: row(duration(10), 10_000, 'How often a recording notes that a picture has not changed'),
  recordingAgeMs: row(duration(1000), 7 * DAY, 'How long what was recorded is kept'),
  recordingBytes: row(size(1024), 256 * 2 ** 20, 'How much of one recording is kept'),
  recordingExports: row(integer(0, 1_000), 2, 'Videos that are made of recordings at once'),
  recordingExportMs: row(duration(1000), 6 * 3_600_000, 'The longest span of one such video'),
};
