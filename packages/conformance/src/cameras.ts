import { randomBytes } from 'node:crypto';
import { type Answer, ask } from './ask.ts';
import { openPath, type PathSocket } from './socket.ts';
import { target } from './target.ts';

export interface CameraView {
  readonly id: string;
  readonly url: string | null;
  readonly state: { readonly status: string; readonly reason?: string };
  readonly streams: Readonly<Record<'frames' | 'annotated' | 'detections' | 'events', string>>;
}

/** A message of the documented socket. */
export interface FrameData {
  readonly frame: string;
  readonly timestamp: number;
  readonly camera_id: string;
  readonly detections?: readonly unknown[];
}

/** A JPEG of one colour, 64 by 48 pixels. */
export const JPEG: Buffer = Buffer.from(
  '/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgUFBcUFxsbGxsbGyAeICEhISAgICAhISEkJCQq' +
    'KiokJCQhISQkKCgqKi4vLisrKisvLzIyMjw8OTlGRkhWVmf/xABNAAEBAAAAAAAAAAAAAAAAAAAABwEBAQEAAAAAAAAAAAAA' +
    'AAAAAAUHEAEAAAAAAAAAAAAAAAAAAAAAEQEAAAAAAAAAAAAAAAAAAAAA/8AAEQgAMABAAwEiAAIRAAMRAP/aAAwDAQACEQMR' +
    'AD8AjgDf0sAAAAAAAAAAAAAAAAAAAAAB/9k=',
  'base64',
);

export function cameras(method: string, path = '', body?: unknown, key?: string | null): Promise<Answer> {
  return ask(`/v1/cameras${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  });
}

/** Makes a camera; it is deleted when it is disposed. */
export async function makeCamera(more: object = {}): Promise<CameraView & AsyncDisposable> {
  const answer = await cameras('POST', '', { id: freshCamera(), ...more });
  if (answer.status !== 201) throw new Error(`no camera: ${answer.status} ${answer.text}`);
  const view = answer.json<CameraView>();
  return { ...view, [Symbol.asyncDispose]: () => dropCamera(view.id) };
}

/** An id that nobody else has. */
export function freshCamera(): string {
  return `conformance-${randomBytes(6).toString('hex')}`;
}

export async function dropCamera(id: string): Promise<void> {
  await cameras('DELETE', `/${encodeURIComponent(id)}`);
}

/** Sends a frame as documented; `body` may say all of it. */
export function sendFrame(body: object, path = '/api/v1/actions/actions/send'): Promise<Answer> {
  const frame = JPEG.toString('base64');
  return ask(path, { method: 'POST', body: { streamName: 'webcam', streamType: 'frame', frame, ...body } });
}

/** Watches a camera on the documented socket. */
export function watchCamera(id: string, more = ''): Promise<PathSocket> {
  return openPath(`/ws/stream/${encodeURIComponent(id)}?token=${encodeURIComponent(target.key)}${more}`);
}

/** The first frame that fits; waits for it. */
export function frameOf(
  socket: PathSocket,
  fits: (frame: FrameData) => boolean = () => true,
): Promise<FrameData> {
  const all = socket.messages as readonly unknown[] as readonly FrameData[];
  return socket.when(() => all.find(fits), 'a frame');
}
