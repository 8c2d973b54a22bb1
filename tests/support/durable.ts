import { SseDecoder, type SseMessage } from '../../packages/protocol/src/index.ts';
import { type Answer, type RequestOptions, request } from './request.ts';
import type { TestServer } from './server.ts';
import { type EventReader, openStream, type StreamOptions } from './sse-client.ts';

let made = 0;

/** A name that no other test uses. */
export function freshName(): string {
  return `durable/${process.pid}-${++made}`;
}

export interface DurableOptions extends RequestOptions {
  /** Default `application/json`. */
  readonly type?: string;
}

/** A request to a stream as the Durable Streams protocol has it. `target` is its name, with a query perhaps. */
export function durable(
  server: TestServer,
  method: string,
  target: string,
  options: DurableOptions = {},
): Promise<Answer> {
  const { type = 'application/json', headers, ...rest } = options;
  const typed = method === 'PUT' || method === 'POST' ? { 'content-type': type } : {};
  return request(server, `/v1/stream/${target}`, { ...rest, method, headers: { ...typed, ...headers } });
}

/** Makes a stream and gives its name. */
export async function makeDurable(server: TestServer, options: DurableOptions = {}): Promise<string> {
  const name = freshName();
  const answer = await durable(server, 'PUT', name, options);
  if (answer.status !== 201) throw new Error(`no stream: ${answer.status} ${answer.text}`);
  return name;
}

/** Where an answer says that its reader stands. */
export function nextOf(answer: Answer): string {
  const next = answer.headers['stream-next-offset'];
  if (typeof next !== 'string') throw new Error(`no offset: ${answer.status} ${answer.text}`);
  return next;
}

/** Opens `live=sse`; `query` is what else the URL has. */
export function openDurable(
  server: TestServer,
  name: string,
  query: string,
  options: StreamOptions = {},
): Promise<EventReader> {
  return openStream(server, `/v1/stream/${name}?live=sse&${query}`, options);
}

/** What has come so far, as a browser's EventSource would tell it. */
export function messagesOf(reader: EventReader): SseMessage[] {
  const messages: SseMessage[] = [];
  new SseDecoder({ onMessage: (message) => messages.push(message) }).feed(reader.body.toString());
  return messages;
}

export interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: true;
  readonly streamClosed?: true;
}

export function controlsOf(reader: EventReader): Control[] {
  return messagesOf(reader)
    .filter(({ event }) => event === 'control')
    .map(({ data }) => JSON.parse(data) as Control);
}

/** Waits for a control that fits, and gives it. */
export async function control(
  reader: EventReader,
  fits: (control: Control) => boolean,
  what: string,
): Promise<Control> {
  await reader.frame(() => controlsOf(reader).some(fits), what);
  return controlsOf(reader).find(fits) as Control;
}
