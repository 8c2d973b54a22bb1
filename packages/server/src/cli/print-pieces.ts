import type { Given } from './command.ts';
import { EXIT } from './exit-code.ts';
import type { Io } from './io.ts';
import { onInterrupt } from './on-interrupt.ts';
import { patienceOf } from './patience.ts';
import { type Piece, readPieces } from './read-pieces.ts';
import type { StreamTarget } from './stream-target.ts';

export interface PrintOptions {
  readonly target: StreamTarget;
  /** See `offsetOf`. */
  readonly from: string;
  readonly live: boolean;
}

/** Writes what a stream holds to stdout: messages of JSON a line each, anything else as the bytes that it is. */
export async function printPieces(options: PrintOptions, given: Given, io: Io): Promise<number> {
  const left = new AbortController();
  using _interrupts = onInterrupt(() => left.abort());
  io.readerGone.addEventListener('abort', () => left.abort());
  const pieces = readPieces({
    ...options,
    signal: left.signal,
    patienceMs: patienceOf(given),
    changed: (connected) =>
      io.note(connected ? 'connected again' : 'the connection is lost; looking for the server'),
  });
  const json = given.text('output') === 'json';
  let last: Piece | undefined;
  for await (const piece of pieces) {
    last = piece;
    await io.print(json ? `${documentOf(piece)}\n` : plain(piece));
  }
  if (last?.closed === true) io.note('the stream is closed');
  else if (last !== undefined) io.note(`read on with --after=${last.next}`);
  return EXIT.done;
}

function plain({ content }: Piece): string | Uint8Array {
  return content.kind === 'bytes' ? content.bytes : content.texts.map((text) => `${text}\n`).join('');
}

/** Not JSON.stringify alone: the messages are JSON text already. */
function documentOf({ content, next, closed }: Piece): string {
  const data =
    content.kind === 'messages'
      ? `"messages":[${content.texts.join(',')}]`
      : `"data":"${Buffer.from(content.bytes).toString('base64')}"`;
  return `{"next":${JSON.stringify(next)},${closed ? '"closed":true,' : ''}${data}}`;
}

/** An offset as `--after` takes it, in the words of either protocol. */
export function offsetOf(text: string | undefined): string {
  switch (text) {
    case undefined:
    case '':
    case 'start':
      return '-1';
    case 'live':
      return 'now';
    default:
      return text;
  }
}
