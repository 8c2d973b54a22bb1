import { createServer } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

/** Another origin on this machine, with nothing but one page: an empty one, unless it is given. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

export async function startPage(page = '<!doctype html><title>elsewhere</title>'): Promise<PageServer> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page);
  });
  const { url, close } = await listenOnLoopback(server);
  return { url, [Symbol.asyncDispose]: close };
}
