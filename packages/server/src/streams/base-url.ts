import type { Exchange } from '../http/exchange.ts';

/**
 * Where a caller reached the server, for URLs in answers, without a slash at the end. It follows the Host header, which
 * is a listed one (D-20, D-40); if that is the public URL's, the answer is the public URL, since only that one knows the
 * scheme and the path that a proxy has in front.
 */
export function baseUrl({ request, secure }: Exchange, publicUrl: string | undefined): string {
  const host = (request.headers.host ?? '').toLowerCase();
  if (publicUrl !== undefined && new URL(publicUrl).host === host) return publicUrl;
  return `${secure ? 'https' : 'http'}://${host}`;
}
