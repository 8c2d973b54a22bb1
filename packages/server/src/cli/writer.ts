import { randomUUID } from 'node:crypto';
import type { Batch, Unit } from './append-input.ts';
import { asRecord, textOf } from './client.ts';
import { ask, HEADER, nextOf, stateOf, streamRefusal } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import { type RetryOptions, retried } from './retried.ts';
import { streamPath } from './stream-argument.ts';
import type { StreamTarget } from './stream-target.ts';

export interface WriterOptions extends RetryOptions {
  readonly target: StreamTarget;
  readonly unit: Unit;
  readonly contentType: string;
  /** Said once if what was appended may be there twice. */
  doubtful(): void;
}

/** Appends batches to a stream in order, each exactly once: an answer that is lost is asked for again. */
export interface Writer {
  /**
   * Resolves with the offset behind the batch once it is committed. An empty one only closes. Throws a Failure for
   * what no further attempt can mend.
   */
  append(batch: Batch, close: boolean): Promise<string>;
}

/** A server that does not answer an append for so long is not there. */
const SILENCE_MS = 60_000;

/**
 * A writer of its own: what it names itself was never used before, so its epoch is the first. The server tells by the
 * sequence whether it has a batch already.
 */
export function createWriter(options: WriterOptions): Writer {
  const { target, unit } = options;
  const send = unit === 'events' ? sendEvents : sendBody;
  const id = `cli-${randomUUID()}`;
  let sequence = 0;
  return {
    async append(batch, close) {
      let attempts = 0;
      const attempt = async (): Promise<Answer> => {
        attempts++;
        const silence = AbortSignal.timeout(SILENCE_MS);
        const signal = AbortSignal.any([options.signal, silence]);
        try {
          return await send(options, { batch, close, id, sequence, signal });
        } catch (error) {
          if (!silence.aborted) throw error;
          throw new Failure(EXIT.unreachable, `${target.shown} does not answer.`);
        }
      };
      const { next, recognised } = await retried(attempt, options);
      if (attempts > 1 && !recognised) options.doubtful();
      sequence++;
      return next;
    },
  };
}

interface Append {
  readonly batch: Batch;
  readonly close: boolean;
  readonly id: string;
  readonly sequence: number;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly next: string;
  /** The server says that it knows writers, so that a repetition added nothing. */
  readonly recognised: boolean;
}

async function sendEvents({ target }: WriterOptions, append: Append): Promise<Answer> {
  const { batch, close, id, sequence, signal } = append;
  const writer = JSON.stringify({ id, epoch: 0, sequence });
  const events = typeof batch[0] === 'string' ? batch.join(',') : '';
  const answer = await target.client.open(streamPath(target.name ?? ''), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"events":[${events}],"writer":${writer}${close ? ',"close":true' : ''}}`,
    signal,
  });
  if (!answer.ok) throw await streamRefusal(target, answer);
  return { next: textOf(asRecord(await answer.json())['position']) ?? '', recognised: true };
}

async function sendBody({ target, contentType }: WriterOptions, append: Append): Promise<Answer> {
  const { batch, close, id, sequence, signal } = append;
  const answer = await ask(target, {
    method: 'POST',
    headers: {
      ...(batch.length === 0 ? {} : { 'content-type': contentType }),
      ...(close ? { [HEADER.closed]: 'true' } : {}),
      [HEADER.producerId]: id,
      [HEADER.producerEpoch]: '0',
      [HEADER.producerSeq]: String(sequence),
    },
    ...(batch.length === 0 ? {} : { body: batch instanceof Uint8Array ? batch : `[${batch.join(',')}]` }),
    signal,
  });
  if (!answer.ok) throw await streamRefusal(target, answer);
  const recognised = answer.headers.has(HEADER.producerEpoch);
  // Some servers do not say where the stream ends when they have had the batch before.
  const silent = recognised && !answer.headers.has(HEADER.next);
  return { next: silent ? (await stateOf(target)).next : nextOf(target, answer.headers), recognised };
}
