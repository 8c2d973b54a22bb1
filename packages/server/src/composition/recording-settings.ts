import type { RecordingSettings } from '../frames/recording/create-recordings.ts';
import type { ExportLimits } from '../producers/recording-export.ts';
import type { Settings } from '../runtime/settings.ts';

export function recordingSettings(settings: Settings): RecordingSettings {
  return {
    fps: settings.recordingFps,
    stillMs: settings.recordingStillMs,
    ageMs: settings.recordingAgeMs,
    bytes: settings.recordingBytes,
    retryMs: settings.commandRetryMs,
  };
}

export function exportLimits(settings: Settings): ExportLimits {
  return {
    most: settings.recordingExports,
    spanMs: settings.recordingExportMs,
    stallMs: settings.stallMs,
  };
}
