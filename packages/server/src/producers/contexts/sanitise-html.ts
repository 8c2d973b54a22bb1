/** What of a page may stay: text and its structure. Value: attributes besides `lang`, `dir` and `title`. */
const ALLOWED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...'abbr article aside b bdi bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i ins kbd li main mark nav ol p pre q rp rt ruby s samp section small span strong sub summary sup table tbody tfoot thead tr u ul var wbr'
    .split(' ')
    .map((tag) => [tag, []] as const),
  ['a', ['href']],
  ['img', ['src', 'alt', 'width', 'height']],
  ['td', ['colspan', 'rowspan']],
  ['th', ['colspan', 'rowspan', 'scope']],
  ['time', ['datetime']],
  ['col', ['span']],
]);

/** Elements whose content is no text of the page, and goes with them. */
const DROPPED = new Set(
  'script style iframe object embed template noscript svg math head textarea select'.split(' '),
);
const EVERYWHERE = new Set(['lang', 'dir', 'title']);
const LINKS = new Set(['href', 'src']);

// No `<` outside of quotes: else a text of nothing but `<a` would be read to its end for each of them.
const TAG = /^<(\/?)([A-Za-z][A-Za-z0-9-]{0,30})((?:[^<>"']|"[^"]*"|'[^']*')*)>/;
const ATTRIBUTE = /([A-Za-z][A-Za-z-]{0,30})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

/**
 * HTML without anything that runs, loads or hides: elements and attributes of a list stay, links only with http, https
 * and mailto, everything else goes, comments included. What is written out is built anew, so that malformed markup
 * cannot mean something else to another reader.
 */
export function sanitiseHtml(html: string): string {
  let out = '';
  for (let at = 0; at < html.length; ) {
    const next = html.indexOf('<', at);
    if (next === -1) return out + escapeText(html.slice(at));
    out += escapeText(html.slice(at, next));
    at = next;
    const end = afterMarkup(html, at);
    if (end !== undefined) {
      at = end;
      continue;
    }
    const match = TAG.exec(html.slice(at, at + MAX_TAG));
    if (match === null) {
      // No tag: what looks like the beginning of one is text.
      out += '&lt;';
      at += 1;
      continue;
    }
    const [whole, slash, name = '', attributes = ''] = match;
    const tag = name.toLowerCase();
    at += whole.length;
    if (DROPPED.has(tag)) {
      if (slash === '') at = behindElement(html, at, tag);
    } else if (ALLOWED.has(tag)) {
      out += slash === '' ? `<${tag}${keptAttributes(tag, attributes)}>` : `</${tag}>`;
    }
  }
  return out;
}

/** What can be read of a page: its text without any markup. */
export function plainText(html: string): string {
  return sanitiseHtml(html)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&amp;', '&');
}

/** Characters of one tag that are looked at: a longer one is no tag that a page needs. */
const MAX_TAG = 4_096;

/** Behind a comment, a doctype, a CDATA section or a processing instruction; undefined if there is none here. */
function afterMarkup(html: string, at: number): number | undefined {
  const close = html.startsWith('<!--', at) ? '-->' : /^<[!?]/.test(html.slice(at, at + 2)) ? '>' : undefined;
  if (close === undefined) return undefined;
  const end = html.indexOf(close, at + 2);
  return end === -1 ? html.length : end + close.length;
}

function behindElement(html: string, at: number, tag: string): number {
  const close = new RegExp(`</${tag}(?=[\\s/>])[^>]{0,${MAX_TAG}}>`, 'gi');
  close.lastIndex = at;
  const match = close.exec(html);
  return match === null ? html.length : match.index + match[0].length;
}

function keptAttributes(tag: string, text: string): string {
  let kept = '';
  for (const [, rawName = '', double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const name = rawName.toLowerCase();
    if (!EVERYWHERE.has(name) && ALLOWED.get(tag)?.includes(name) !== true) continue;
    const value = double ?? single ?? bare ?? '';
    if (LINKS.has(name) && !isHarmlessLink(value)) continue;
    kept += ` ${name}="${escapeText(value).replaceAll('"', '&quot;')}"`;
  }
  return kept;
}

// Readers of HTML drop control characters and spaces before they look at the scheme, and resolve entities.
function isHarmlessLink(value: string): boolean {
  const scheme = /^[^/?#]{0,64}?:/.exec(value.replaceAll(/[\0-\x20]/g, ''))?.[0];
  if (scheme !== undefined) return /^(?:https?|mailto):$/i.test(scheme);
  return !/^[^/?#]*&/.test(value);
}

function escapeText(text: string): string {
  // Entities stay as they are: they are text.
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
