import type { IncomingHttpHeaders } from 'node:http';
import { parsePosition, type Position, type StreamName } from '@playhead/protocol';
import { headerNumber, headerText } from './request-headers.ts';
import { invalid } from './refusal.ts';
import { streamAt } from '../stream-path.ts';

/** What a request wants to have forked. */
export interface ForkRequest {
  readonly source: StreamName;
  /** Undefined: where the source ends. */
  readonly at: Position | 'start' | undefined;
  /** How much of what follows `at` comes along: messages of a JSON stream, else bytes. */
  readonly part: number;
}

const PREFIX = '/v1/stream/';

/** The place before everything, as clients write it that know the servers of others. */
const ZERO = /^0+_0+$/;

/** Undefined for a request that makes a stream of its own. Throws `invalid-request` for what is malformed. */
export function forkIn(headers: IncomingHttpHeaders): ForkRequest | undefined {
  const path = headerText(headers, 'stream-forked-from');
  const offset = headerText(headers, 'stream-fork-offset');
  const part = headerNumber(headers, 'stream-fork-sub-offset');
  if (path === undefined) {
    if (offset === undefined && part === undefined) return undefined;
    throw invalid('Stream-Fork-Offset and Stream-Fork-Sub-Offset need Stream-Forked-From.');
  }
  const source = path.startsWith(PREFIX) ? streamAt(decoded(path.slice(PREFIX.length))) : undefined;
  if (source === undefined) throw invalid(`Stream-Forked-From is the path of a stream: ${PREFIX}…`);
  return forkOf(source, offset, part);
}

/** What is wanted of a source. Throws `invalid-request` for what is malformed. */
export function forkOf(
  source: StreamName,
  offset: string | undefined,
  part: number | undefined,
): ForkRequest {
  const at = offset === undefined ? undefined : placeOf(offset);
  if (at === undefined && part !== undefined && part > 0) {
    throw invalid('Nothing follows the end of the source: Stream-Fork-Sub-Offset needs Stream-Fork-Offset.');
  }
  return { source, at, part: part ?? 0 };
}

function placeOf(offset: string): Position | 'start' {
  if (offset === '-1' || ZERO.test(offset)) return 'start';
  const position = parsePosition(offset);
  if (position !== undefined) return position;
  throw invalid('Stream-Fork-Offset is an offset that this server gave.');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
