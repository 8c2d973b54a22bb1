import { readFile } from 'node:fs/promises';
import { type HeardSocket, openHeardSocket, type SocketOptions } from './heard-socket.ts';
import { type Answer, request } from './request.ts';
import { startServer, type TestServer } from './server.ts';
import { readPage, type StreamEvent } from './streams.ts';
import { until } from './within.ts';

/** The documented message. */
export interface FrameData {
  readonly frame: string;
  readonly timestamp: number;
  readonly camera_id: string;
  readonly detections?: readonly Detection[];
}

export interface Detection {
  readonly class: string;
  readonly confidence: number;
  readonly bbox: readonly [number, number, number, number];
}

export interface CameraView {
  readonly id: string;
  readonly url: string | null;
  readonly public: boolean;
  readonly state: { readonly status: string; readonly reason?: string; readonly message?: string };
  readonly streams: Readonly<Record<'frames' | 'annotated' | 'detections' | 'events', string>>;
  readonly viewers: readonly { readonly viewer: string; readonly frames: number; readonly dropped: number }[];
}

/** A viewer of `/ws/stream/{id}`, or another client of cameras' sockets. */
export interface CameraSocket extends HeardSocket<FrameData> {
  /** The messages of a viewer. */
  readonly frames: readonly FrameData[];
  /** The first frame that fits, from index `from` on; waits for it. */
  frame(fits?: (frame: FrameData) => boolean, from?: number): Promise<FrameData>;
}

export interface WatchOptions extends SocketOptions {
  readonly port?: number;
  /** `?…`, or ''. */
  readonly query?: string;
}

/** Opens a path of cameras; rejects if the handshake is refused. */
export async function openCameraPath(
  server: TestServer,
  path: string,
  options: WatchOptions = {},
): Promise<CameraSocket> {
  const { port = server.port, query = '', ...more } = options;
  const heard = await openHeardSocket<FrameData>(`http://127.0.0.1:${port}${path}${query}`, more);
  const { messages: frames, when } = heard;
  return {
    ...heard,
    frames,
    frame: (fits = () => true, from = 0) => when(() => frames.slice(from).find(fits), 'a frame that fits'),
  };
}

/** Watches a camera with the admin key, unless the options have a query of their own. */
export function watchCamera(
  server: TestServer,
  id: string,
  options: WatchOptions = {},
): Promise<CameraSocket> {
  return openCameraPath(server, `/ws/stream/${encodeURIComponent(id)}`, {
    query: `?token=${server.key}`,
    ...options,
  });
}

/** A server that soon sees that a camera stands still or is silent. */
export function startCameraServer(env: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return startServer({
    env: { PLAYHEAD_CAMERA_FROZEN_MS: '500', PLAYHEAD_CAMERA_CHECK_MS: '50', ...env },
  });
}

/** Calls `/v1/cameras…`. */
export function cameras(
  server: TestServer,
  method: string,
  path: string = '',
  body?: unknown,
  key?: string | null,
): Promise<Answer> {
  return request(server, `/v1/cameras${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  });
}

export async function makeCamera(server: TestServer, body: object): Promise<CameraView> {
  const answer = await cameras(server, 'POST', '', body);
  if (answer.status !== 201) throw new Error(`no camera: ${answer.status} ${answer.text}`);
  return answer.json<CameraView>();
}

export async function viewCamera(server: TestServer, id: string): Promise<CameraView> {
  return (await cameras(server, 'GET', `/${encodeURIComponent(id)}`)).json<CameraView>();
}

let sent = 0;

/** A timestamp that no frame before had, ms since 1970. */
export function tick(): number {
  return Date.now() - 5000 + ++sent;
}

/** Sends a frame as the documented client does. */
export function sendFrame(
  server: TestServer,
  body: object,
  options: { readonly key?: string; readonly path?: string } = {},
): Promise<Answer> {
  const { key = server.key, path = '/api/v1/actions/actions/send' } = options;
  return request(server, path, {
    method: 'POST',
    key: null,
    headers: { authorization: `Bearer ${key}` },
    body: { streamName: 'webcam', streamType: 'frame', ...body },
  });
}

/** Waits for an event of a camera, and gives it. */
export async function cameraEvent(
  server: TestServer,
  id: string,
  type: string,
  fits: (event: StreamEvent) => boolean = () => true,
): Promise<StreamEvent> {
  let found: StreamEvent | undefined;
  await until(async () => {
    const { events } = await readPage(server, `cameras/${id}/events`, '?after=start&limit=1000');
    found = events.find((event) => event.type === type && fits(event));
    return found !== undefined;
  }, `an event ${type} of ${id}`);
  return found as StreamEvent;
}

/** The port that is for cameras alone, as the server tells it. */
export async function cameraPort(server: TestServer): Promise<number> {
  const { port } = (await cameras(server, 'GET')).json<{ port: number | null }>();
  if (port === null) throw new Error('the server has no port for cameras');
  return port;
}

/** Processes that a process has started. Linux alone tells. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
