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
