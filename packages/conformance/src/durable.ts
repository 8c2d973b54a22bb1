import { expect } from 'vitest';
import { type Answer, ask } from './ask.ts';
import { freshName } from './streams.ts';

/** Requests to `/v1/stream/{name}`. */
export function durable(
  name: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return ask(`/v1/stream/${name}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

export const JSON_TYPE = { 'content-type': 'application/json' } as const;

/** A stream of its own, which goes away by itself when it is no longer used. */
export async function makeDurable(contentType: string = 'application/json', body?: string): Promise<string> {
  const name = freshName();
  const made = await durable(name, 'PUT', { 'content-type': contentType, 'stream-ttl': '3600' }, body);
  expect([made.status, made.text]).toEqual([201, '']);
  return name;
}

/** The offset that an answer names. */
export function offsetOf({ headers }: Answer): string {
  return String(headers['stream-next-offset']);
}

/** Headers of an idempotent producer. */
export function producer(id: string, epoch: number, sequence: number): Record<string, string> {
  return { 'producer-id': id, 'producer-epoch': String(epoch), 'producer-seq': String(sequence) };
}
