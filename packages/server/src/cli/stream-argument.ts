import { isStreamName } from '@playhead/protocol';
import { usageFailure } from './failure.ts';

/** The one stream that a command is about. */
export function streamName(words: readonly string[]): string {
  const [name, ...others] = words;
  if (name === undefined)
    throw usageFailure('Name a stream.', 'A stream is named kind/id, such as notes/today.');
  if (others.length > 0) throw usageFailure(`One stream at a time: what is ${others.join(' ')}?`);
  return checkedName(name);
}

export function checkedName(name: string): string {
  const fits: boolean = isStreamName(name);
  if (fits) return name;
  throw usageFailure(
    `${name} cannot be the name of a stream.`,
    'A stream is named kind/id[/part] in A-Z a-z 0-9 . _ ~ -, such as notes/today.',
  );
}

/** Names need no escaping in a URL. */
export function streamPath(name: string): string {
  return `/v1/streams/${name}`;
}
