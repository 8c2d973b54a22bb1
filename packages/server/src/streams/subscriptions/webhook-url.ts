import type { OutgoingGuard } from '../../outgoing/outgoing.ts';

const MAX_LENGTH = 2_048;

/** Hosts that http may go to: this machine, by a name or address that says so. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Why a webhook may not be called at a URL; undefined if it may (P-264). https anywhere the guard lets it go; http only to
 * this machine itself, and only where the guard opens that. A name without an address is let pass: it is looked at again
 * whenever the webhook is called.
 */
export async function webhookUrlProblem(text: string, guard: OutgoingGuard): Promise<string | undefined> {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return `webhook.url must be an https URL of at most ${MAX_LENGTH} characters.`;
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    return 'webhook.url must have no user name, password or fragment.';
  const secure = url.protocol === 'https:';
  if (!secure && !LOOPBACK.test(url.hostname)) return 'webhook.url must use https.';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const reach = await guard.reach({ host: url.hostname, port });
  return reach.kind === 'refused' ? REFUSALS[reach.reason] : undefined;
}

const REFUSALS: Readonly<Record<'address' | 'port' | 'host', string>> = {
  address: 'webhook.url leads to an address that this server does not call.',
  port: 'webhook.url has a port that belongs to another protocol.',
  host: 'webhook.url has no valid host.',
};
