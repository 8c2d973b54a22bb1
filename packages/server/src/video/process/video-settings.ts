/** How video is read and written. */
export interface VideoSettings {
  /** PATH, for the processes: all that they have of the server's environment. */
  readonly path: string;
  /** Memory that the JavaScript of one process may take, bytes; pictures are not in it. */
  readonly heapBytes: number;
  /** Memory that one process may take in all, bytes; what takes more is ended. */
  readonly memoryBytes: number;
}

export const VIDEO_DEFAULTS: Omit<VideoSettings, 'path'> = {
  heapBytes: 128 * 2 ** 20,
  memoryBytes: 2 * 2 ** 30,
};
