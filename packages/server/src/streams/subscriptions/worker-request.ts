import { parsePosition, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { AckRequest, WorkerRequest } from './live-subscription.ts';
import { streamIn } from './subscription-config.ts';

/** How many acks one request has: as many as a wake has streams. */
const ACKS = 1_000;

const wake = { wake_id: z.string().max(256), generation: z.int() };
const claim = z.object({ worker: z.string().min(1).max(256) });
const release = z.object(wake);
const ack = z.object({
  ...wake,
  acks: z
    .array(
      z.object({
        stream: z.string().max(512).optional(),
        path: z.string().max(512).optional(),
        offset: z.string().max(256),
      }),
    )
    .max(ACKS)
    .nullish(),
  done: z.boolean().nullish(),
});

/** The name of a worker that wants the lease. Throws `invalid-request`, as do the others here. */
export function readClaim(body: unknown): string {
  return read(claim, body).worker;
}

export function readRelease(body: unknown): Omit<WorkerRequest, 'token'> {
  const { wake_id, generation } = read(release, body);
  return { wake: wake_id, generation };
}

/** Acks of a callback or a claim. A stream is named by `stream`; `path` is what wakes call it. */
export function readAck(body: unknown): Omit<AckRequest, 'token'> {
  const { wake_id, generation, acks, done } = read(ack, body);
  return {
    wake: wake_id,
    generation,
    acks: (acks ?? []).map(({ stream, path, offset }) => ({
      stream: streamIn(stream ?? path ?? '') ?? '',
      offset: parsePosition(offset),
    })),
    done: done ?? false,
  };
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new PlayheadError('invalid-request', z.prettifyError(parsed.error));
}
