import { APICallError } from '@ai-sdk/provider';
import { PlayheadError } from '@playhead/protocol';

/**
 * What went wrong between the server and a model's provider. The provider's own words are not passed on: they may
 * quote keys and addresses. `reason` tells the cases apart.
 */
export function sdkFailure(error: unknown): PlayheadError {
  if (error instanceof PlayheadError) return error;
  if (!APICallError.isInstance(error)) return failed('garbage', 'The model sent what is no answer.', error);
  const { statusCode: status, responseHeaders } = error;
  if (status === undefined) return failed('unreachable', 'The model cannot be reached.', error);
  if (status < 300) return failed('cut', 'The model broke off in the middle of its answer.', error);
  if (status === 429) {
    const wait = Number(responseHeaders?.['retry-after']);
    return new PlayheadError('rate-limited', 'The model takes no more questions for now. Try again later.', {
      cause: error,
      extensions: {
        reason: 'rate-limited',
        ...(Number.isFinite(wait) && wait >= 0 ? { retry_after: Math.min(wait, 3_600) } : {}),
      },
    });
  }
  if (status === 401 || status === 403) {
    return failed('refused', 'The model refuses the key of this server: check PLAYHEAD_CHAT_API_KEY.', error);
  }
  if (status === 404) {
    return failed(
      'refused',
      'There is no such model: check PLAYHEAD_CHAT_MODEL and PLAYHEAD_CHAT_BASE_URL.',
      error,
    );
  }
  return failed('refused', `The model answered with the status ${status}.`, error);
}

function failed(reason: string, detail: string, cause: unknown): PlayheadError {
  return new PlayheadError('upstream-failed', detail, { cause, extensions: { reason } });
}
