import { randomBytes } from 'node:crypto';
import { ask } from './ask.ts';

export interface KeyOptions {
  readonly scopes: readonly string[];
  readonly tenant?: string;
  readonly user_id?: string;
}

/** What the answer to `POST /keys` holds. */
export interface MadeKey {
  readonly id: string;
  readonly key: string;
}

/** A tenant that nobody else has. */
export function freshTenant(): string {
  return `conformance-${randomBytes(6).toString('hex')}`;
}

/** Makes a key that is good for an hour. */
export async function makeKey(options: KeyOptions): Promise<MadeKey> {
  const answer = await ask('/keys', {
    method: 'POST',
    body: { name: 'conformance', expires_in: '1h', ...options },
  });
  if (answer.status === 201) return answer.json<{ data: MadeKey }>().data;
  throw new Error(`These tests need the key of an admin; this one makes no key: ${answer.text}`);
}
