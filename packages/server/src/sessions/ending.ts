import { z } from 'zod';

/**
 * How a session ended, from recorded fact only (F5): nobody invents an exit code, and a process whose fate is
 * unknown is `lost`.
 */
export type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly name: string }
  /** `by`: the id of the key that asked, or `limit` for one of its own limits. */
  | { readonly kind: 'stopped'; readonly by: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

/** An ending as it was written down, for who reads it back. */
export const endingSchema: z.ZodType<Ending> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exited'), code: z.int() }),
  z.object({ kind: z.literal('signalled'), name: z.string() }),
  z.object({ kind: z.literal('stopped'), by: z.string() }),
  z.object({ kind: z.literal('expired') }),
  z.object({ kind: z.literal('failed'), reason: z.string() }),
  z.object({ kind: z.literal('lost'), reason: z.string() }),
]);
