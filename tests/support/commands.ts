import { type Answer, type Envelope, request } from './request.ts';
import type { TestServer } from './server.ts';
import { type EventReader, type Frame, jsonOf, openStream, type StreamOptions } from './sse-client.ts';

/** The project that every fresh data folder has. */
export const PROJECT = 'my-project';

export interface StartOptions {
  readonly project?: string;
  readonly key?: string;
  /** Members of the body besides `command`. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** What `POST /projects/{id}/shell` answers. */
export interface Started {
  readonly id: string;
  readonly stream_url: string;
  readonly [member: string]: unknown;
}

export interface Output {
  readonly line: string;
  readonly stream: 'stdout' | 'stderr';
}

export interface Complete {
  readonly exit_code: number;
  readonly duration_ms: number;
  readonly ending: { readonly kind: string; readonly [member: string]: unknown };
  readonly signal?: string;
}

/** Starts a command, whatever comes of it. */
export function post(server: TestServer, command: unknown, options: StartOptions = {}): Promise<Answer> {
  return request(server, `/projects/${options.project ?? PROJECT}/shell`, {
    method: 'POST',
    body: { command, ...options.body },
    ...(options.key === undefined ? {} : { key: options.key }),
  });
}

/** Starts a command and gives the id of its stream. */
export async function start(
  server: TestServer,
  command: string,
  options: StartOptions = {},
): Promise<string> {
  const answer = await post(server, command, options);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`the command was refused: ${answer.status} ${answer.text}`);
  }
  return answer.json<Envelope<Started>>().data.id;
}

/** The path of a command's event stream, the id interpolated as the samples do it: unescaped. */
export function eventsPath(id: string, query: string = '', project: string = PROJECT): string {
  return `/projects/${project}/events?stream_id=${id}${query}`;
}

export interface FollowOptions extends StreamOptions {
  readonly project?: string;
}

/** Opens a command's event stream. */
export function follow(server: TestServer, id: string, options: FollowOptions = {}): Promise<EventReader> {
  return openStream(server, eventsPath(id, '', options.project), options);
}

/** Runs a command to its end; every frame that its reader saw. */
export async function run(
  server: TestServer,
  command: string,
  options: StartOptions = {},
): Promise<readonly Frame[]> {
  const id = await start(server, command, options);
  return readAll(server, id, options.project === undefined ? {} : { project: options.project });
}

/** A command that has ended, and where its stream is found. */
export interface EndedCommand {
  readonly id: string;
  /** Of its stream. */
  readonly name: string;
  /** Of its stream on the streams face. */
  readonly path: string;
}

/** Runs a command that has 20 lines, of both outputs, and ends with 3. */
export async function runToEnd(server: TestServer): Promise<EndedCommand> {
  const id = await start(server, 'for i in $(seq 1 10); do echo "out $i"; echo "err $i" >&2; done; exit 3');
  await readAll(server, id);
  return { id, name: `commands/${id}`, path: `/v1/streams/commands/${id}` };
}

/** Reads a stream to its end; every frame. */
export async function readAll(
  server: TestServer,
  id: string,
  options: FollowOptions = {},
): Promise<readonly Frame[]> {
  await using reader = await follow(server, id, options);
  await reader.end();
  return reader.frames;
}

/** The lines that a command wrote, of one of its streams or of both. */
export function lines(frames: readonly Frame[], stream?: Output['stream']): string[] {
  return outputs(frames)
    .filter((output) => stream === undefined || output.stream === stream)
    .map((output) => output.line);
}

export function outputs(frames: readonly Frame[]): Output[] {
  return frames.filter((frame) => frame.event === 'output').map((frame) => jsonOf<Output>(frame));
}

/** The one `complete` of a stream that was read to its end. Throws unless there is exactly one, at the end. */
export function completeOf(frames: readonly Frame[]): Complete {
  const found = frames.filter((frame) => frame.event === 'complete');
  const [frame] = found;
  if (frame === undefined || found.length > 1) throw new Error(`${found.length} complete events`);
  if (frame !== frames.at(-1)) throw new Error('something follows complete');
  return jsonOf<Complete>(frame);
}

/** What a client takes for events: no comments, no bare `retry:`. */
export function named(frames: readonly Frame[]): Frame[] {
  return frames.filter((frame) => frame.event !== undefined || frame.data !== undefined);
}

/** The data of `connected`. Throws unless it is the first event. */
export function connectedOf<T>(frames: readonly Frame[]): T {
  const [first] = named(frames);
  if (first?.event !== 'connected') throw new Error(`${first?.event} comes first, not connected`);
  return jsonOf<T>(first);
}

/** Only what is in the log: the frames with an id. */
export function logged(frames: readonly Frame[]): Frame[] {
  return frames.filter((frame) => frame.id !== undefined);
}
