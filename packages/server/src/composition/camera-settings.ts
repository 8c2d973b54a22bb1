import type { CameraSettings } from '../producers/cameras/settings.ts';
import type { Settings } from '../runtime/settings.ts';

export function cameraSettings(settings: Settings): CameraSettings {
  return {
    folders: settings.cameraFolders,
    perTenant: settings.cameraMaxPerTenant,
    running: settings.cameraMaxRunning,
    pushBytes: settings.cameraFrameLimit,
    openMs: settings.cameraOpenMs,
    detectWaitMs: settings.cameraDetectWaitMs,
    frozenMs: settings.cameraFrozenMs,
    checkMs: settings.cameraCheckMs,
    retryMaxMs: settings.cameraRetryMaxMs,
    demo: settings.cameraDemo,
  };
}
