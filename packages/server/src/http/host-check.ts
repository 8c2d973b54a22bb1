/** A test of Host headers. */
export type HostCheck = (host: string | undefined) => boolean;

export interface HostCheckOptions {
  /** Besides the loopback names: `example.org` for any port, `example.org:8443` for that port. */
  readonly allowedHosts: readonly string[];
  /** Its host, with its port, is allowed too. */
  readonly publicUrl?: string;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/;

/**
 * Whether this server answers for a Host header (D-20). Without it, a page of a foreign site that has its own
 * name resolve to this machine is of the same origin as the server to a browser.
 */
export function hostCheck(options: HostCheckOptions): HostCheck {
  const anyPort = new Set(LOOPBACK);
  const exact = new Set<string>();
  for (const entry of options.allowedHosts) {
    const host = entry.trim().toLowerCase();
    const match = HOST.exec(host);
    if (match === null) throw new RangeError(`Not a host name: ${JSON.stringify(entry.slice(0, 100))}`);
    if (match[2] === undefined) anyPort.add(host);
    else exact.add(host);
  }
  if (options.publicUrl !== undefined) exact.add(new URL(options.publicUrl).host);
  let lastAllowed: string | undefined;

  return (header) => {
    if (header === undefined) return false;
    if (header === lastAllowed) return true;
    const host = header.toLowerCase();
    const match = HOST.exec(host);
    // One trailing dot marks a fully qualified name: the same host.
    const name = match?.[1]?.replace(/\.$/, '');
    const allowed = name !== undefined && (anyPort.has(name) || exact.has(host));
    if (allowed) lastAllowed = header;
    return allowed;
  };
}
