import { jsonLine } from '@playhead/protocol';
import { z } from 'zod';
import type { LogEvent } from '../../log/event-log.ts';
import { type Ending, endingSchema } from '../../sessions/ending.ts';

/** What starts a command: a shell line, git's arguments, a prompt for the agent. */
export type CommandType = 'shell' | 'git' | 'claude';

/**
 * The events of `commands/{id}`, in this order: `started`, any number of `output` (and `expiring`), at most one
 * `error`, `complete`. Their data are JSON.
 */
export interface Started {
  readonly project: string;
  readonly type: CommandType;
  /** As it was asked for; the environment is never told. */
  readonly command: string;
  /** Relative to the project's root; '' is the root. */
  readonly cwd: string;
}

/** The time limit is near. */
export interface Expiring {
  /** ISO 8601. */
  readonly expires_at: string;
}

export interface Failure {
  readonly message: string;
}

/** The last event. */
export interface Complete {
  /** 128 + n if signal n ended it; −1 if none is known (D-11). */
  readonly exit_code: number;
  readonly duration_ms: number;
  readonly ending: Ending;
  /** The signal that ended it. */
  readonly signal?: string;
}

export function startedEvent(started: Started): LogEvent {
  return { type: 'started', data: jsonLine(started) };
}

export function expiringEvent(expiresAt: number): LogEvent {
  const data: Expiring = { expires_at: new Date(expiresAt).toISOString() };
  return { type: 'expiring', data: jsonLine(data) };
}

export function errorEvent(message: string): LogEvent {
  const data: Failure = { message };
  return { type: 'error', data: jsonLine(data) };
}

export function completeEvent(complete: Complete): LogEvent {
  return { type: 'complete', data: jsonLine(complete) };
}

const complete = z.object({
  exit_code: z.int(),
  duration_ms: z.int(),
  ending: endingSchema,
  signal: z.string().exactOptional(),
});

/** What a stream's last event says of its end; undefined if it is no `complete`. */
export function readComplete(event: LogEvent): Complete | undefined {
  if (event.type !== 'complete' || typeof event.data !== 'string') return undefined;
  return complete.safeParse(JSON.parse(event.data)).data;
}
