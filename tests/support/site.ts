import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

/** A web site on this machine, for browsers to visit. */
export interface Site extends AsyncDisposable {
  readonly url: string;
  /** As it stands in `PLAYHEAD_ALLOWED_NETWORKS`. */
  readonly network: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/** What is at a path: a page's HTML, or whatever answers. */
export type Resource = string | ((request: IncomingMessage, response: ServerResponse) => void);

export async function startSite(resources: Readonly<Record<string, Resource>>): Promise<Site> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname;
    asked.push(path);
    const found = resources[path];
    if (typeof found === 'function') {
      found(request, response);
      return;
    }
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(found ?? '<title>nothing here</title>');
  });
  const { url, port, close } = await listenOnLoopback(server);
  return {
    url,
    network: `127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: close,
  };
}

/** A page. Its body listens: what happens to it stands in `document.title`. */
export function page(title: string, body: string = '', script: string = ''): string {
  return `<!doctype html><html><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>${title}</title></head><body style="margin:0">${body}<script>${script}</script></body></html>`;
}
