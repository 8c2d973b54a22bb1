import { isIP } from 'node:net';

/**
 * A host in its one spelling, as the URL standard gives it: lower case, punycode, IPv4 in dotted decimals whether it was
 * written octal, hexadecimal or as one number, IPv6 compressed and without brackets, no dot at the end. Undefined for
 * what is no host, also for an address with a zone.
 */
export function plainHost(text: string): string | undefined {
  if (text === '' || text.length > 255 || /[\s/?#@\\]/.test(text)) return undefined;
  const literal = isIP(text) === 6 ? `[${text}]` : text;
  // A colon would begin a port here, and brackets hold an address.
  if (literal.startsWith('[') ? !literal.endsWith(']') : literal.includes(':')) return undefined;
  const url = URL.parse(`http://${literal}/`);
  if (url === null || url.port !== '' || url.username !== '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return host === '' || host.endsWith('.') ? undefined : host;
}
