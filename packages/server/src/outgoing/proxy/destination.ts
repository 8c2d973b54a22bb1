import type { Destination } from './route.ts';

/** Host and port of `host:port`; undefined for what is not that. Without a port: `standard`, if it is given. */
export function readAuthority(text: string, standard?: number): Destination | undefined {
  const [, host, digits] = /^(\[[^\]@]{1,255}\]|[^:[\]@/?#\s]{1,255})(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? standard : Number(digits);
  return host === undefined || port === undefined ? undefined : { host, port };
}

export interface AbsoluteTarget extends Destination {
  /** As it stood in the URL. */
  readonly authority: string;
  readonly path: string;
}

/** What a request to a proxy asks for: an absolute http URL. */
export function readAbsolute(text: string): AbsoluteTarget | undefined {
  const [, authority = '', rest = ''] = /^http:\/\/([^/?#]*)([^#]*)/i.exec(text) ?? [];
  const destination = readAuthority(authority, 80);
  if (destination === undefined) return undefined;
  return { ...destination, authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}
