/** How video is read and written. */
export interface VideoSettings {
  /** PATH, for the processes: all that they have of the server's environment. */
  readonly path: string;
  /** Memory that the JavaScript of one process may take, bytes; pictures are not in it. */
  readonly heapBytes: number;
}

export const VIDEO_DEFAULTS: Omit<VideoSettings, 'path'> = { heapBytes: 128 * 2 ** 20 };
