import type { StreamEvent } from '@playhead/protocol';
import { type Answer, ask } from './ask.ts';
import { type EventReader, type Frame, jsonOf, openEvents } from './event-reader.ts';
import { readAll, readPage } from './streams.ts';
import { target } from './target.ts';
import { until } from './within.ts';

/** Starts a command, whatever comes of it. */
export function start(command: unknown, more: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  return ask(`/projects/${target.project}/shell`, { method: 'POST', body: { command, ...more } });
}

/** Starts a command; its id. */
export async function startCommand(
  command: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const answer = await start(command, more);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`the command was refused: ${answer.status} ${answer.text}`);
  }
  return answer.json<{ data: { id: string } }>().data.id;
}

export function eventsPath(id: string): string {
  return `/projects/${target.project}/events?stream_id=${id}`;
}

export function commandPath(id: string, what: string = ''): string {
  return `/projects/${target.project}/commands/${id}${what}`;
}

/** Reads a command's events to their end. */
export async function readEvents(id: string, lastEventId?: string): Promise<readonly Frame[]> {
  using reader: EventReader = await openEvents(
    eventsPath(id),
    lastEventId === undefined ? {} : { lastEventId },
  );
  await reader.end();
  return reader.events;
}

/** The lines among them. */
export function lines(frames: readonly Frame[]): string[] {
  return frames
    .filter(({ event }) => event === 'output')
    .map((frame) => jsonOf<{ line: string }>(frame).line);
}

/** Every event of a terminal, once it has ended. */
export async function endedTerminal(id: string): Promise<readonly StreamEvent[]> {
  const stream = `commands/${id}/pty`;
  await until(async () => (await readPage(stream, '?after=live')).closed, 'the terminal to end');
  return readAll(stream);
}

/** What a terminal has shown, out of its events. */
export function shownBy(events: readonly StreamEvent[]): string {
  const pieces = events.filter(({ type }) => type === 'output');
  return Buffer.concat(pieces.map(({ data }) => Buffer.from(String(data), 'base64'))).toString();
}

/** Waits until a terminal has shown a text. */
export async function terminalShows(id: string, text: string): Promise<void> {
  await until(
    async () => shownBy(await readAll(`commands/${id}/pty`)).includes(text),
    `the terminal to show ${JSON.stringify(text)}`,
  );
}
