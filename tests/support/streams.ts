import { expect } from 'vitest';
import { type Answer, request } from './request.ts';
import type { TestServer } from './server.ts';
import { type Frame, jsonOf } from './sse-client.ts';

/** An event, a page and a receipt as the streams face shows them. */
export interface StreamEvent {
  readonly position: string;
  readonly type: string;
  readonly time: string;
  readonly data: unknown;
}

export interface Page {
  readonly stream: string;
  readonly epoch: string;
  readonly earliest: string;
  readonly latest: string;
  readonly events: readonly StreamEvent[];
  readonly next: string;
  readonly closed: boolean;
}

export interface Receipt {
  readonly requested: string | null;
  readonly from: string;
  readonly latest: string;
  readonly missed: number | null;
  readonly gap: boolean;
  readonly epoch: string;
}

/** One page of a stream; `query` begins with `?` if it is not empty. */
export async function readPage(server: TestServer, name: string, query: string = ''): Promise<Page> {
  return (await request(server, `/v1/streams/${name}${query}`)).json<Page>();
}

/** The receipt of a tail. It comes before every event and has no id. */
export function receiptOf(frames: readonly Frame[]): Receipt {
  const first = frames.find((frame) => frame.event !== undefined || frame.data !== undefined);
  expect(first?.event).toBe('receipt');
  expect(first?.id).toBeUndefined();
  return jsonOf<Receipt>(first as Frame);
}

/** The events of a tail, without its receipts and heartbeats. */
export function eventsOf(frames: readonly Frame[]): Frame[] {
  return frames.filter((frame) => frame.data !== undefined && frame.event !== 'receipt');
}

/** An error of our own faces (RFC 9457); gives the whole document. */
export function expectProblem(answer: Answer, status: number, code: string): Record<string, unknown> {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = answer.json<Record<string, unknown>>();
  const texts = { type: expect.any(String), title: expect.any(String), detail: expect.any(String) };
  expect(problem).toMatchObject({ status, code, ...texts });
  return problem;
}
