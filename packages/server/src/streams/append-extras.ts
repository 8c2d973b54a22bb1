import { type AppendMessage, PlayheadError } from '@playhead/protocol';
import { isRecord } from './event-input.ts';

/** What an append may say beside its events (P-310). */
export type AppendExtras = Pick<AppendMessage, 'writer' | 'expected' | 'close'>;

/** Those of a parsed body. Throws `invalid-request` naming what is wrong. Checked by hand, as events are. */
export function appendExtras(body: Readonly<Record<string, unknown>>): AppendExtras {
  const { writer, expected, close } = body;
  if (writer !== undefined && !isWriter(writer)) {
    throw invalid('writer is {id, epoch, sequence}: 1 to 128 characters, and two whole numbers from 0.');
  }
  if (expected !== undefined && typeof expected !== 'string') throw invalid('expected is a position.');
  if (close !== undefined && typeof close !== 'boolean') throw invalid('close is true or false.');
  return {
    ...(writer === undefined ? {} : { writer }),
    ...(expected === undefined ? {} : { expected }),
    ...(close === undefined ? {} : { close }),
  };
}

function isWriter(value: unknown): value is NonNullable<AppendExtras['writer']> {
  if (!isRecord(value)) return false;
  const { id, epoch, sequence } = value;
  return typeof id === 'string' && id.length > 0 && id.length <= 128 && isCount(epoch) && isCount(sequence);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function invalid(detail: string): PlayheadError {
  return new PlayheadError('invalid-request', detail);
}
