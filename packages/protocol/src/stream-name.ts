/**
 * A stream's name is `kind/id[/part]`: at most 256 bytes of `[A-Za-z0-9._~-]` in segments parted by `/`,
 * none of them empty, `.` or `..` (D-4). One segment alone is a name too: many Durable Streams have no other.
 * Whose stream it is never stands in the name.
 */
export type StreamName = string;

export const STREAM_NAME_MAX_LENGTH = 256;

const NAME = /^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*$/;
const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Whether a text is a stream's name. */
export function isStreamName(text: string): text is StreamName {
  return text.length <= STREAM_NAME_MAX_LENGTH && NAME.test(text) && !DOTS.test(text);
}

/** The first segment: what kind of source the stream has. */
export function kindOf(name: StreamName): string {
  const end = name.indexOf('/');
  return end === -1 ? name : name.slice(0, end);
}
