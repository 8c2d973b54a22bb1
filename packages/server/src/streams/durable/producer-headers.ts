import type { IncomingHttpHeaders } from 'node:http';
import type { AppendGuard } from '../../log/event-log.ts';
import { headerNumber } from './request-headers.ts';
import { invalid } from './refusal.ts';

export type Producer = Extract<AppendGuard, { kind: 'writer' }>;

/** The idempotent producer that a request comes from; undefined if it names none. Throws for half a producer. */
export function producerIn(headers: IncomingHttpHeaders): Producer | undefined {
  const id = headers['producer-id'];
  if (id === undefined && headers['producer-epoch'] === undefined && headers['producer-seq'] === undefined) {
    return undefined;
  }
  const epoch = headerNumber(headers, 'producer-epoch');
  const sequence = headerNumber(headers, 'producer-seq');
  if (typeof id !== 'string' || id === '' || epoch === undefined || sequence === undefined) {
    throw invalid('Producer-Id, Producer-Epoch and Producer-Seq come together, and the id is not empty.');
  }
  return { kind: 'writer', id, epoch, sequence };
}
