import { isStreamName } from '@playhead/protocol';
import { usageFailure } from './failure.ts';

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
