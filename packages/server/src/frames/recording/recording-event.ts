import { jsonLine } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';
import { FRAME } from '../frame-message.ts';
import type { GapReason } from '../recordings.ts';

/**
 * An event of a recording. Times are ms since 1970.
 *
 * - `frame`: shown from now on, in the form of frame-message.ts.
 * - `still`: what the frame at that offset shows still was shown at that time.
 * - `gap`: nothing is known from `from` on, until the next frame.
 * - `begin`: a recorder began. It is the first event, or follows a gap.
 * - `end`: a gap behind which nothing follows: the stream is closed.
 */
export type RecordingEvent =
  | { readonly type: 'frame'; readonly message: Uint8Array | null }
  | { readonly type: 'still'; readonly time: number; readonly frame: number }
  | { readonly type: 'gap' | 'end'; readonly time: number; readonly from: number; readonly reason: GapReason }
  | { readonly type: 'begin'; readonly time: number; readonly fps: number };

export function logRecordingEvent(event: RecordingEvent): LogEvent {
  const { type, ...about } = event;
  return type === FRAME && 'message' in about
    ? { type, data: about.message }
    : { type, data: jsonLine(about) };
}

/** Undefined for what is none, and for what was erased and is no frame. */
export function readRecordingEvent({ type, data }: LogEvent): RecordingEvent | undefined {
  if (type === FRAME) return { type, message: data instanceof Uint8Array ? data : null };
  if (typeof data !== 'string') return undefined;
  const about = JSON.parse(data) as Omit<Exclude<RecordingEvent, { type: 'frame' }>, 'type'>;
  switch (type) {
    case 'still':
    case 'gap':
    case 'end':
    case 'begin':
      return { ...about, type } as RecordingEvent;
    default:
      return undefined;
  }
}
