import type { Flags, Given } from './command.ts';
import { usageFailure } from './failure.ts';

/** For commands that say, or need to know, what a stream holds. */
export const CONTENT_FLAGS: Flags = {
  'content-type': { type: 'string', value: 'TYPE', meaning: 'What the stream holds, as a media type' },
  json: { type: 'boolean', meaning: 'The same as --content-type application/json' },
};

/** What the flags say that a stream holds; undefined if they do not say. */
export function contentTypeOf(given: Given): string | undefined {
  const type = given.text('content-type');
  if (given.is('json') !== true) return type;
  if (type !== undefined) throw usageFailure('Give --json or --content-type, not both.');
  return 'application/json';
}
