import { type Envelope, request } from './request.ts';
import type { TestServer } from './server.ts';

export interface KeyOptions {
  readonly scopes: readonly string[];
  readonly tenant?: string;
  readonly user_id?: string;
  readonly allowed_networks?: readonly string[];
}

let made = 0;

/** Makes a key over `POST /keys` as the admin does. */
export async function makeKey(server: TestServer, options: KeyOptions): Promise<string> {
  const answer = await request(server, '/keys', {
    method: 'POST',
    body: { name: `test-${++made}`, ...options },
  });
  if (answer.status !== 200 && answer.status !== 201)
    throw new Error(`no key: ${answer.status} ${answer.text}`);
  return answer.json<Envelope<{ key: string }>>().data.key;
}
