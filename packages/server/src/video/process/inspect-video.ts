import { createRequire } from 'node:module';
import { missingVideo } from './missing-video.ts';

/** What of video there is on this machine. */
export interface VideoInspection {
  /** Of FFmpeg's libraries; null: there is no video, and `missing` says why and what to do. */
  readonly version: string | null;
  readonly missing: string | undefined;
  /** Whether detectors can run models. */
  readonly models: boolean;
}

/** Loads FFmpeg into this process: for commands that end soon. */
export async function inspectVideo(): Promise<VideoInspection> {
  const models = hasModels();
  const missing = missingVideo();
  if (missing !== undefined) return { version: null, missing, models };
  try {
    const { getFFmpegInfo } = await import('node-av/lib');
    return { version: getFFmpegInfo().version, missing: undefined, models };
  } catch {
    return { version: null, missing: 'The build of node-av that is there cannot be loaded.', models };
  }
}

function hasModels(): boolean {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}
