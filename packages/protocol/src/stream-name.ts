/**
 * A stream's name is `kind/id[/part]`: at most 256 bytes of `[A-Za-z0-9._~-]` in segments parted by `/`,
 * none of them empty, `.` or `..`, and at least two of them (D-4). Whose stream it is never stands in the name.
 */
export type StreamName = string;

export const STREAM_NAME_MAX_LENGTH = 256;

const NAME = /^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)+$/;
const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Whether a text is a stream's name. */
export function isStreamName(text: string): text is StreamName {
  return text.length <= STREAM_NAME_MAX_LENGTH && NAME.test(text) && !DOTS.test(text);
}

/** The first segment: what kind of source the stream has. */
export function kindOf(name: StreamName): string {
  return name.slice(0, name.indexOf('/'));
}
