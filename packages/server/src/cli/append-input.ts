import type { Readable } from 'node:stream';
import { asRecord, textOf } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure, usageFailure } from './failure.ts';
import { readLines } from './read-lines.ts';

/**
 * What a stream takes: events with a type (Playhead's own face), messages of JSON (the Durable Streams protocol), or
 * bytes.
 */
export type Unit = 'events' | 'messages' | 'bytes';

/** What goes to the server at once: JSON texts, or bytes. */
export type Batch = readonly string[] | Uint8Array<ArrayBuffer>;

export interface InputOptions {
  readonly unit: Unit;
  /** The type of every event. */
  readonly type: string | undefined;
  /** Lines are text and not JSON. */
  readonly text: boolean;
}

/** Texts of one request, and characters or bytes: servers take a body of 1 MiB and more. */
const BATCH_TEXTS = 1_000;
const BATCH_LENGTH = 256 * 1024;

/** What was given as a word. Throws a Failure if the stream cannot take it. */
export function batchOf(data: string, options: InputOptions): Batch {
  if (options.unit === 'bytes') return Buffer.from(data);
  if (!options.text && parsed(data) === undefined) throw usageFailure('The data is not JSON.', AS_TEXT);
  const json = options.text ? JSON.stringify(data) : data;
  return [options.unit === 'messages' ? json : eventText(options.type ?? 'message', json)];
}

/**
 * What comes from stdin, in batches that a request takes. A batch goes as soon as nothing further is there already,
 * so that a slow source is not held back. `soFar` is told to whoever gave a line that is none.
 */
export function batches(
  input: Readable,
  options: InputOptions,
  soFar: () => string,
): AsyncGenerator<Batch, void, undefined> {
  return options.unit === 'bytes' ? pieces(input) : texts(input, options, soFar);
}

async function* pieces(input: Readable): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const piece of input as AsyncIterable<Buffer<ArrayBuffer>>) {
    for (let i = 0; i < piece.length; i += BATCH_LENGTH) yield piece.subarray(i, i + BATCH_LENGTH);
  }
}

async function* texts(
  input: Readable,
  options: InputOptions,
  soFar: () => string,
): AsyncGenerator<readonly string[]> {
  let batch: string[] = [];
  let length = 0;
  let line = 0;
  for await (const lines of readLines(input)) {
    for (const text of lines) {
      line++;
      if (text.trim() === '' && !options.text) continue;
      if (batch.length === BATCH_TEXTS || (batch.length > 0 && length + text.length > BATCH_LENGTH)) {
        yield batch;
        [batch, length] = [[], 0];
      }
      batch.push(textFor(text, options, line, soFar));
      length += text.length;
    }
    if (batch.length > 0) yield batch;
    [batch, length] = [[], 0];
  }
}

function textFor(text: string, options: InputOptions, line: number, soFar: () => string): string {
  const { unit, type } = options;
  const value = options.text ? undefined : parsed(text);
  if (value === undefined && !options.text) {
    throw new Failure(EXIT.failed, `Line ${line} is not JSON. ${soFar()}`, AS_TEXT);
  }
  const json = options.text ? JSON.stringify(text) : text;
  if (unit === 'messages') return json;
  if (type !== undefined || options.text) return eventText(type ?? 'message', json);
  const event = asRecord(value?.json);
  const own = textOf(event['type']);
  if (own !== undefined && 'data' in event) return eventText(own, JSON.stringify(event['data']));
  throw new Failure(
    EXIT.failed,
    `Line ${line} is not {"type": …, "data": …}. ${soFar()}`,
    'With --type T each line is the data of an event.',
  );
}

const AS_TEXT = 'With --text it is taken as it is.';

function eventText(type: string, data: string): string {
  return `{"type":${JSON.stringify(type)},"data":${data}}`;
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
