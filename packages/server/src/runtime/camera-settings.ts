import { z } from 'zod';
import { type RowsOf, row } from './setting-row.ts';
import { duration, integer, list, size, yesOrNo } from './setting-value.ts';

/** Where cameras are served, and what they may cost. */
export interface CamerasSettings {
  readonly cameraPort: number;
  readonly cameraFolders: readonly string[];
  readonly cameraMaxPerTenant: number;
  readonly cameraMaxRunning: number;
  readonly cameraFrameLimit: number;
  readonly cameraOpenMs: number;
  readonly cameraDetectWaitMs: number;
  readonly cameraFrozenMs: number;
  readonly cameraCheckMs: number;
  readonly cameraRetryMaxMs: number;
  readonly cameraDemo: boolean;
}

const path = z.string().regex(/^\/[^\0]*$/, 'must be absolute paths');

export const CAMERA_ROWS: RowsOf<CamerasSettings> = {
  cameraPort: row(
    integer(0, 65_535),
    7103,
    'Port that sockets of cameras are served on, too; 0 is any free one',
  ),
  cameraFolders: row(list(path), [], 'Folders that files for cameras, and models, may lie in'),
  cameraMaxPerTenant: row(integer(1, 100_000), 64, 'Cameras of one tenant'),
  cameraMaxRunning: row(integer(1, 10_000), 16, 'Cameras whose sources are open at once'),
  cameraFrameLimit: row(size(1024), 8 * 2 ** 20, 'Largest JPEG that is taken as a frame'),
  cameraOpenMs: row(duration(10), 10_000, 'How long opening a camera may take'),
  cameraDetectWaitMs: row(duration(0, 10_000), 100, 'How long a frame waits for its detector'),
  cameraFrozenMs: row(duration(10), 2_000, 'How long a camera may bring no frame before it counts as frozen'),
  cameraCheckMs: row(duration(10), 250, 'How often that is looked at'),
  cameraRetryMaxMs: row(duration(10), 30_000, 'The longest wait before a camera that failed is opened again'),
  cameraDemo: row(yesOrNo(), true, 'Whether a fresh data folder has a camera called demo'),
};
