import { z } from 'zod';
import { environmentSchema } from '../environment-schema.ts';
import type { ShellRequest } from './action.ts';

/** What shell commands of a computer are kept to. */
export interface ShellLimits {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Bytes of output in an answer that comes whole, whatever a caller asks for. */
  readonly outputBytes: number;
}

const MAX_COMMAND = 100 * 1024;

/** The documented default of `debug`. */
const DEBUG_OUTPUT = 65_536;

/** What was checked of a body. */
export interface ShellInput {
  readonly command: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout_seconds?: number;
  readonly max_output_length?: number;
}

/** The body of `exec` and `exec/sync`, and the members of `debug`; see `shellRequest`. */
export function shellSchema({ maxTimeoutMs }: ShellLimits): z.ZodType<ShellInput> {
  return z.object({
    command: z
      .string()
      .refine((text) => text.trim() !== '', 'must not be empty')
      .refine((text) => Buffer.byteLength(text) <= MAX_COMMAND, `must be at most ${MAX_COMMAND} bytes`)
      .refine((text) => !text.includes('\0'), 'must not hold NUL'),
    cwd: z.string().max(4096).exactOptional(),
    env: environmentSchema.exactOptional(),
    timeout_seconds: z
      .number()
      .positive()
      .max(maxTimeoutMs / 1000)
      .exactOptional(),
    max_output_length: z.int().min(0).exactOptional(),
  });
}

/** What a body that was checked asks for. */
export function shellRequest(input: ShellInput, limits: ShellLimits, whole: 'exec' | 'debug'): ShellRequest {
  const standard = whole === 'debug' ? DEBUG_OUTPUT : limits.outputBytes;
  return {
    command: input.command,
    cwd: input.cwd ?? '/workspace',
    env: input.env ?? {},
    timeoutMs: input.timeout_seconds === undefined ? limits.timeoutMs : input.timeout_seconds * 1000,
    maxOutput: Math.min(input.max_output_length ?? standard, limits.outputBytes),
  };
}
