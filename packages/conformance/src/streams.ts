import { randomBytes } from 'node:crypto';
import type { StreamEvent, StreamPage } from '@playhead/protocol';
import { expect } from 'vitest';
import { type Answer, ask } from './ask.ts';

/** All streams of one run begin so, and nobody else's do. */
export const PREFIX: string = `conformance-${randomBytes(6).toString('hex')}`;

let made = 0;

/** A name that was never used. */
export function freshName(): string {
  return `${PREFIX}/${++made}`;
}

/** A stream of its own, which goes away by itself when it is no longer used. */
export async function makeStream(body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const name = freshName();
  const answer = await ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600, ...body } });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return name;
}

export function streamPath(name: string, query: string = ''): string {
  return `/v1/streams/${name}${query}`;
}

/** Appends whatever it is given. */
export function post(name: string, body: unknown): Promise<Answer> {
  return ask(streamPath(name), { method: 'POST', body });
}

/** Appends an event of each value, together; the position of the last. */
export async function append(name: string, ...values: readonly unknown[]): Promise<string> {
  const answer = await post(name, { events: values.map((data) => ({ type: 'n', data })) });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.json<{ position: string }>().position;
}

export async function readPage(name: string, query: string = ''): Promise<StreamPage> {
  const answer = await ask(streamPath(name, query));
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.json<StreamPage>();
}

/** Everything retained, page by page. */
export async function readAll(name: string): Promise<readonly StreamEvent[]> {
  const events: StreamEvent[] = [];
  for (let query = ''; ; ) {
    const page = await readPage(name, query);
    events.push(...page.events);
    if (page.events.length === 0) return events;
    query = `?after=${page.next}`;
  }
}

/** What a reader of pages gets: the data alone. */
export function datas(events: readonly StreamEvent[]): unknown[] {
  return events.map(({ data }) => data);
}

/** A position of the stream that its history no longer has: that of a stream of the same name before it. */
export async function lostPosition(name: string): Promise<string> {
  const old = await append(name, 'of another epoch');
  expect((await ask(streamPath(name), { method: 'DELETE' })).status).toBe(204);
  const again = await ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600 } });
  expect(again.status).toBe(201);
  return old;
}
