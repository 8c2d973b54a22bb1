import { PlayheadError } from '@playhead/protocol';
import type { z } from 'zod';

/** What a schema makes of an input; throws `invalid-request` with the first field that is wrong. */
export function checkInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue === undefined || issue.path.length === 0 ? 'body' : issue.path.map(String).join('.');
  throw new PlayheadError('invalid-request', `${field}: ${issue?.message ?? 'is malformed'}`, {
    extensions: { field },
  });
}
