import { PlayheadError, PROBLEMS, type ProblemCode, toProblem } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { missingStream } from '../gateway.ts';

export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  /** Where the protocol names another status than the code has elsewhere. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A refusal whose reason stands in headers, too, since clients of the protocol look there and not into the body. */
export function refuse(exchange: Exchange, refusal: Refusal): Reply {
  const { code, detail, headers, extensions = {} } = refusal;
  const row = PROBLEMS[code];
  const status = refusal.status ?? row.status;
  const problem = toProblem(new PlayheadError(code, detail, { extensions }));
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...(row.retry || status < 409 ? {} : { 'x-should-retry': 'false' }),
      ...headers,
    },
    body: JSON.stringify({ ...problem, status, request_id: exchange.id }),
  };
}

/** Why there is no stream: there never was, or it was deleted and lives on in its forks (L9). */
export async function whyMissing(log: EventLog, key: StreamKey): Promise<PlayheadError> {
  if (!(await log.gone(key))) return missingStream();
  return new PlayheadError('stream-gone', 'The stream was deleted. What was forked from it is still there.');
}

export function invalid(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
