import { z } from 'zod';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const MAX_BYTES = 64 * 1024;

/**
 * Environment variables that a caller sets. The server's own settings are no business of a command, so names of
 * that form are refused, not ignored.
 */
export const environmentSchema: z.ZodType<Readonly<Record<string, string>>> = z
  .record(
    z
      .string()
      .regex(NAME, 'must be named by letters, digits and _')
      .refine((name) => !isOwn(name), 'must not be named PLAYHEAD_…'),
    z.string().refine((value) => !value.includes('\0'), 'must not hold NUL'),
  )
  .refine((env) => JSON.stringify(env).length <= MAX_BYTES, `must be at most ${MAX_BYTES} bytes in all`);

/** Whether a variable is one of the server's own settings. */
export function isOwn(name: string): boolean {
  return name.toUpperCase().startsWith('PLAYHEAD_');
}
