/** How cameras are run. Times are ms, sizes bytes. */
export interface CameraSettings {
  /** Absolute folders that files and models may lie in. */
  readonly folders: readonly string[];
  /** Cameras of one tenant, and sources that are open at once. */
  readonly perTenant: number;
  readonly running: number;
  /** Of one pushed JPEG. */
  readonly pushBytes: number;
  /** How long opening a source, or a single picture, may take. */
  readonly openMs: number;
  /** How long frames wait for a detector. */
  readonly detectWaitMs: number;
  /** Without a frame for so long, and for three intervals, a source is frozen (D-30). */
  readonly frozenMs: number;
  /** How often that is looked at. */
  readonly checkMs: number;
  /** The longest wait before a source that failed is opened again. */
  readonly retryMaxMs: number;
  /** Whether there is a camera `demo` on a fresh start. */
  readonly demo: boolean;
}
