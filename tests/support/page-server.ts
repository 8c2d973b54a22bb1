import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Another origin on this machine, with nothing but one page: an empty one, unless it is given. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

export async function startPage(page = '<!doctype html><title>elsewhere</title>'): Promise<PageServer> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
