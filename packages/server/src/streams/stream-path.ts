import { isStreamName, type StreamName } from '@playhead/protocol';

const FOREIGN = /[^A-Za-z0-9._~/-]/u;

/**
 * The stream that a path behind `/v1/stream/` names, percent-decoded: the path itself. Bytes that a name cannot have are
 * written `~hh` in it (D-4), so that `a b` is the stream `a~20b`, on every face; a path may be spelled so, too.
 * Undefined for a path that names no stream, such as one that is too long.
 */
export function streamAt(path: string): StreamName | undefined {
  const name = FOREIGN.test(path) ? path.replace(new RegExp(FOREIGN, 'gu'), escape) : path;
  return isStreamName(name) ? name : undefined;
}

function escape(character: string): string {
  let text = '';
  for (const byte of Buffer.from(character)) text += `~${byte.toString(16).padStart(2, '0')}`;
  return text;
}
