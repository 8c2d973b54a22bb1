import type { Detected } from '../detector.ts';
import type { VideoAbout, VideoEnd, VideoPicture, VideoRequest, WriteRequest } from '../video.ts';

/** What the server tells a process of video. The second says what it is for. */
export type Command =
  /** How much memory the process may take; said before all else. */
  | { readonly type: 'bound'; readonly memoryBytes: number }
  | { readonly type: 'open'; readonly request: VideoRequest }
  | { readonly type: 'taken'; readonly count: number }
  | { readonly type: 'write'; readonly format: WriteRequest['format']; readonly lastMs: number }
  /** A JPEG follows, to be shown from this time on. */
  | { readonly type: 'show'; readonly time: number }
  /** No more come. */
  | { readonly type: 'finish' };

/** What a process of video tells. It says nothing behind `ended`, and is to be ended then. */
export type Message =
  | ({ readonly type: 'opened' } & VideoAbout)
  /** A JPEG follows. */
  | ({ readonly type: 'picture' } & Omit<VideoPicture, 'jpeg'>)
  | ({ readonly type: 'detected' } & Detected)
  | { readonly type: 'corrupt'; readonly pictures: number }
  | { readonly type: 'detector-failed'; readonly message: string }
  /** It has room for the next picture to write. */
  | { readonly type: 'room' }
  /** A piece of the file follows. */
  | { readonly type: 'piece' }
  | { readonly type: 'ended'; readonly end: VideoEnd };
