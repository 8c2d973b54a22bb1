import { formatPosition } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Appended } from '../../log/event-log.ts';
import { mediaTypeOf } from '../../log/stream-settings.ts';
import { appendBody } from './append-body.ts';
import { type DurableParts, writableKeyIn } from './durable-parts.ts';
import { type Producer, producerIn } from './producer-headers.ts';
import { invalid, refuse, whyMissing } from './refusal.ts';
import { contentTypeIn, headerText, wantsClosed } from './request-headers.ts';

/**
 * `POST`: appends the body, closes the stream, or both at once. One call of the log, which checks content type, producer
 * and order where it sequences, so that it is one round trip whatever the engine.
 */
export async function append(parts: DurableParts, exchange: Exchange): Promise<Reply> {
  const { log, hub } = parts;
  const { headers } = exchange.request;
  const key = writableKeyIn(exchange, parts);
  const close = wantsClosed(headers);
  const guard = producerIn(headers);
  const ordinal = headerText(headers, 'stream-seq');
  // Not read while the log is behind: the socket pushes back instead of memory filling up (D-2).
  const room = log.room();
  if (room !== undefined) await room;
  const body = await exchange.body();
  const mediaType = body.length === 0 ? undefined : mediaTypeIn(exchange);
  const appended = await appendBody(hub, key, { body, close, guard, ordinal, mediaType });
  if (appended.kind === 'missing') throw await whyMissing(log, key);
  return answer(exchange, appended, { close, empty: mediaType === undefined, producer: guard });
}

function mediaTypeIn(exchange: Exchange): string {
  const contentType = contentTypeIn(exchange.request.headers);
  if (contentType === undefined) throw invalid('An append with a body says its Content-Type.');
  return mediaTypeOf(contentType);
}

interface Asked {
  readonly close: boolean;
  /** Nothing was to be appended. */
  readonly empty: boolean;
  readonly producer: Producer | undefined;
}

const CLOSED = { 'Stream-Closed': 'true' } as const;

function answer(
  exchange: Exchange,
  appended: Exclude<Appended, { kind: 'missing' }>,
  { close, empty, producer }: Asked,
): Reply {
  switch (appended.kind) {
    case 'appended':
      return {
        status: producer === undefined || empty ? 204 : 200,
        headers: {
          'Stream-Next-Offset': formatPosition(appended.position),
          ...(close ? CLOSED : {}),
          ...(producer === undefined ? {} : producerHeaders(producer.epoch, producer.sequence)),
        },
      };
    case 'repeated':
      return {
        status: 204,
        headers: {
          'Stream-Next-Offset': formatPosition(appended.position),
          ...(appended.closed ? CLOSED : {}),
          ...producerHeaders(producer?.epoch ?? 0, appended.newest),
        },
      };
    case 'closed': {
      const headers = { ...CLOSED, 'Stream-Next-Offset': formatPosition(appended.latest) };
      // To close what is closed is done already, unless a producer wants it in its order.
      if (close && empty && producer === undefined) return { status: 204, headers };
      return refuse(exchange, {
        ...{ code: 'stream-closed', detail: 'The stream is closed: nothing can be appended.', headers },
      });
    }
    case 'fenced':
      return refuse(exchange, {
        code: 'fenced',
        detail: 'A newer epoch of this producer exists.',
        status: 403,
        headers: { 'Producer-Epoch': String(appended.epoch) },
      });
    case 'sequence-gap':
      return gap(exchange, appended, producer?.epoch ?? 0);
    case 'other-type':
      return refuse(exchange, {
        code: 'conflict',
        detail: `The stream's content type is ${appended.contentType}.`,
      });
    case 'out-of-order':
      return refuse(exchange, { code: 'conflict', detail: 'Stream-Seq must be greater than the last one.' });
    case 'mismatch':
      return refuse(exchange, { code: 'precondition-failed', detail: 'The stream has moved on.' });
  }
}

function gap(
  exchange: Exchange,
  { expected, received, epoch }: Extract<Appended, { kind: 'sequence-gap' }>,
  asked: number,
): Reply {
  if (epoch !== undefined && asked > epoch)
    throw invalid('A new epoch of a producer begins with Producer-Seq 0.');
  return refuse(exchange, {
    code: 'conflict',
    detail: 'The producer left out a sequence.',
    headers: { 'Producer-Expected-Seq': String(expected), 'Producer-Received-Seq': String(received) },
  });
}

function producerHeaders(epoch: number, sequence: number): Record<string, string> {
  return { 'Producer-Epoch': String(epoch), 'Producer-Seq': String(sequence) };
}
