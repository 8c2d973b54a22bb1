/** What may be opened in a tab: a web page, a page given in its own URL, the blank page. */
export type PageUrl =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'invalid'; readonly detail: string };

const URL_MAX = 2 * 1024 * 1024;

/**
 * Checks what a caller wants to open. `file:` and the browser's own pages are not to be had (D-22), nor is
 * `javascript:`, which would be a script in the page that is there.
 */
export function pageUrl(text: string): PageUrl {
  if (text.length > URL_MAX) return { kind: 'invalid', detail: `A URL has at most ${URL_MAX} characters.` };
  const url = URL.parse(text);
  if (url === null)
    return { kind: 'invalid', detail: 'It is not a URL: an absolute one is needed, with its scheme.' };
  switch (url.protocol) {
    case 'http:':
    case 'https:':
    case 'data:':
      return { kind: 'url', url: url.href };
    case 'about:':
      if (url.pathname === 'blank') return { kind: 'url', url: url.href };
  }
  return { kind: 'invalid', detail: 'A tab opens http:, https: and data: URLs, and about:blank.' };
}
