import type { IncomingMessage } from 'node:http';
import { type BlockList, isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isListed, plainAddress } from '../runtime/address.ts';

/**
 * Where a request came from. `X-Forwarded-For` counts only as far as trusted proxies wrote it: it is read from
 * its end, and the first address that is no trusted proxy is the caller. What stands before that is the
 * caller's own claim.
 */
export function callerAddress(
  peer: string,
  forwarded: string | undefined,
  trusted: BlockList | undefined,
): string {
  let address = plainAddress(peer);
  if (trusted === undefined || forwarded === undefined || !isListed(trusted, address)) return address;
  for (const hop of forwarded.split(',').reverse()) {
    const claimed = plainAddress(hop.trim());
    if (isIP(claimed) === 0) return address;
    address = claimed;
    if (!isListed(trusted, address)) return address;
  }
  return address;
}

/** Whether the caller came over TLS: to us, or to a trusted proxy that says so in `X-Forwarded-Proto`. */
export function isSecure(request: IncomingMessage, trusted: BlockList | undefined): boolean {
  if (request.socket instanceof TLSSocket) return true;
  const forwarded = request.headers['x-forwarded-proto'];
  if (trusted === undefined || typeof forwarded !== 'string') return false;
  return (
    isListed(trusted, plainAddress(request.socket.remoteAddress ?? '')) && /^https\b/i.test(forwarded.trim())
  );
}

/** The value of a header that proxies may send several of: one line, in order. */
export function joined(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
