/** Headers that are about one connection, not about what goes through it (RFC 9110, section 7.6.1). */
const OF_ONE_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Raw headers (names and values by turns) without those of one hop. `but`: names in lower case that are left out too;
 * `keep`: that are kept all the same.
 */
export function forwarded(
  raw: readonly string[],
  but: readonly string[] = [],
  keep: readonly string[] = [],
): string[] {
  const named = new Set<string>(but);
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'connection')
      for (const each of (raw[i + 1] ?? '').split(',')) named.add(each.trim().toLowerCase());
  }
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (keep.includes(lower) || !(OF_ONE_HOP.has(lower) || named.has(lower)))
      kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}
