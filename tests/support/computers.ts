import { type Answer, request } from './request.ts';
import { type ServerOptions, startServer, type TestServer } from './server.ts';
import type { Site } from './site.ts';
import { type EventReader, jsonOf, openStream, type StreamOptions } from './sse-client.ts';

/** The documented ComputerResponse, as far as tests look at it. */
export interface Computer {
  readonly id: string;
  readonly kind: string;
  readonly status: 'ready' | 'running' | 'terminated';
  readonly created_at: string;
  readonly expires_at: string;
  readonly idle_expires_at: string;
  readonly last_activity_at: string;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly [member: string]: unknown;
}

/** The documented ActionResult. `result` is whatever the action gives. */
export interface ActionResult {
  readonly status: 'SUCCESS' | 'ERROR';
  readonly error_message?: string;
  readonly code?: string;
  readonly request_id: string;
  readonly timestamp: string;
  readonly executed_tab_id?: string;
  readonly result: Readonly<Record<string, ReturnType<typeof JSON.parse>>>;
  readonly page_context?: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

/** One event of a computer: the JSON of a `data:` line. */
export interface ComputerEvent {
  readonly type: string;
  readonly computer_id: string;
  readonly timestamp: string;
  readonly [member: string]: ReturnType<typeof JSON.parse>;
}

/** A server whose computers may visit a site. */
export function startComputerServer(
  site: Pick<Site, 'network'>,
  options: ServerOptions = {},
): Promise<TestServer> {
  return startServer({
    ...options,
    // No browser more than a test asks for (D-34).
    env: { PLAYHEAD_ALLOWED_NETWORKS: site.network, PLAYHEAD_BROWSER_WARM: '0', ...options.env },
  });
}

/** A request of the computers' face, the key as a bearer token, as its clients send it. */
export function computers(
  server: TestServer,
  method: string,
  path: string = '',
  body?: unknown,
  key: string | null = server.key,
): Promise<Answer> {
  return request(server, `/v1/computers${path}`, {
    method,
    key: null,
    ...(key === null ? {} : { headers: { authorization: `Bearer ${key}` } }),
    ...(body === undefined ? {} : { body }),
  });
}

/** Makes a computer; it is terminated when it is disposed. */
export async function createComputer(
  server: TestServer,
  body: unknown = {},
  key: string = server.key,
): Promise<Computer & AsyncDisposable> {
  const answer = await computers(server, 'POST', '', body, key);
  if (answer.status !== 200) throw new Error(`no computer: ${answer.status} ${answer.text}`);
  const computer = answer.json<Computer>();
  return {
    ...computer,
    async [Symbol.asyncDispose]() {
      // The server may be gone, and the computer with it.
      await computers(server, 'DELETE', `/${computer.id}`, undefined, key).catch(() => undefined);
    },
  };
}

/** An action by its path; throws unless the answer is an ActionResult. */
export async function act(
  server: TestServer,
  id: string,
  path: string,
  body: unknown = {},
): Promise<ActionResult> {
  const answer = await computers(server, 'POST', `/${id}/${path}`, body);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json<ActionResult>();
}

/** An action that must succeed; its result. */
export async function done(
  server: TestServer,
  id: string,
  path: string,
  body: unknown = {},
): Promise<ActionResult['result']> {
  const answer = await act(server, id, path, body);
  if (answer.status !== 'SUCCESS') throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.result;
}

/** The title of the page that is shown, in which the pages of tests write down what happened to them. */
export async function titleOf(server: TestServer, id: string, tab_id?: string): Promise<string> {
  const { html_content } = await done(server, id, 'html', tab_id === undefined ? {} : { tab_id });
  return (/<title>([^<]*)<\/title>/.exec(String(html_content))?.[1] ?? '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

export interface EventsOptions extends StreamOptions {
  readonly query?: string;
}

/** Opens a computer's events. */
export function openEvents(
  server: TestServer,
  id: string,
  { query = '', ...options }: EventsOptions = {},
): Promise<EventReader> {
  return openStream(server, `/v1/computers/${id}/events${query}`, {
    headers: { authorization: `Bearer ${server.key}` },
    key: null,
    ...options,
  });
}

/** Waits for an event that fits, among those that a reader has got and gets. */
export async function nextEvent(
  reader: EventReader,
  type: string,
  fits: (event: ComputerEvent) => boolean = () => true,
): Promise<ComputerEvent> {
  const frame = await reader.frame(
    (each) => each.data !== undefined && jsonOf<ComputerEvent>(each).type === type && fits(jsonOf(each)),
    `an event ${type}`,
  );
  return jsonOf<ComputerEvent>(frame);
}

/** All events that a reader has got so far. */
export function eventsOf(reader: EventReader): ComputerEvent[] {
  return reader.frames.filter(({ data }) => data !== undefined).map((frame) => jsonOf<ComputerEvent>(frame));
}
