import { PlayheadError, type ProblemCode } from '@playhead/protocol';

/** The protocol's own words for what a request about a subscription can meet. Its clients act on them. */
export type RefusalCode =
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'SUBSCRIPTION_ALREADY_EXISTS'
  | 'WEBHOOK_URL_REJECTED'
  | 'LIMIT_REACHED'
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  | 'FENCED'
  | 'ALREADY_CLAIMED'
  | 'NO_PENDING_WORK'
  | 'INVALID_OFFSET';

const PROBLEM: Readonly<Record<RefusalCode, ProblemCode>> = {
  SUBSCRIPTION_NOT_FOUND: 'not-found',
  SUBSCRIPTION_ALREADY_EXISTS: 'conflict',
  WEBHOOK_URL_REJECTED: 'invalid-request',
  LIMIT_REACHED: 'conflict',
  TOKEN_INVALID: 'unauthenticated',
  TOKEN_EXPIRED: 'unauthenticated',
  FENCED: 'fenced',
  ALREADY_CLAIMED: 'conflict',
  NO_PENDING_WORK: 'conflict',
  INVALID_OFFSET: 'conflict',
};

/** An error of this face. `reason` becomes the `code` of its body (http/error-shape.ts). */
export function refusal(
  reason: RefusalCode,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): PlayheadError {
  return new PlayheadError(PROBLEM[reason], detail, { extensions: { ...more, reason } });
}
