import type { OutgoingAnswer, OutgoingRequests } from '../../outgoing/outgoing.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface WebhookRequest {
  readonly tenant: string;
  readonly url: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

export type WebhookResult =
  /** `done`: the answer says that all that was sent is dealt with. */
  | { readonly outcome: 'done' | 'accepted' }
  /** `reason` is for the subscription's owner to read: it tells how it failed and nothing of what was answered. */
  | { readonly outcome: 'failed'; readonly reason: string };

/** Calls a webhook. Rejects only if no signing key can be had. */
export type CallWebhook = (request: WebhookRequest) => Promise<WebhookResult>;

export interface WebhookParts {
  readonly requests: OutgoingRequests;
  readonly keys: SigningKeys;
  /** From the look-up of the address to the last byte of the answer, ms. */
  readonly timeoutMs: number;
}

/** `{"done": true}` is all that an answer can say. */
const ANSWER_BYTES = 64 * 1024;

export function webhookCaller({ requests, keys, timeoutMs }: WebhookParts): CallWebhook {
  return async ({ tenant, url, body, signal }) => {
    const signer = await keys.signer(tenant);
    const headers = { 'content-type': 'application/json', 'webhook-signature': signer.signature(body) };
    return read(await requests.post({ url, headers, body, timeoutMs, answerBytes: ANSWER_BYTES, signal }));
  };
}

function read(answer: OutgoingAnswer): WebhookResult {
  switch (answer.kind) {
    case 'answered':
      if (answer.status < 200 || answer.status > 299) return failed(`answered ${answer.status}`);
      return { outcome: isDone(answer.body) ? 'done' : 'accepted' };
    case 'refused':
      return failed(`not called: ${answer.reason}`);
    case 'failed':
      return failed(answer.reason);
  }
}

/** Only an answer that is JSON and says so; any other 2xx has accepted the wake. */
function isDone(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return typeof value === 'object' && value !== null && 'done' in value && value.done === true;
  } catch {
    return false;
  }
}

function failed(reason: string): WebhookResult {
  return { outcome: 'failed', reason };
}
