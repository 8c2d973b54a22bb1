import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import { append, makeStream, post, streamPath } from '../streams.ts';

interface Proven {
  readonly type: string;
  readonly data?: unknown;
  readonly stored: string;
  readonly nonce: string;
  readonly inner: string;
}

interface ProvenPage {
  readonly chain: { readonly epoch: string; readonly before: string; readonly after: string } | null;
  readonly epoch: string;
  readonly events: readonly Proven[];
  readonly next: string;
}

const proven = async (name: string, query: string = ''): Promise<ProvenPage> =>
  (await ask(streamPath(name, `?proof=1${query}`))).json<ProvenPage>();

const hash = (...parts: readonly (Buffer | string)[]): string =>
  parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest('hex');

describe('12 Hash chain', () => {
  test('P-151 each value is the hash of the one before, the data with its nonce, and the type', async () => {
    const name = await makeStream();
    for (const data of [1, 'ä\u2028', { a: [null] }]) await post(name, { type: typeof data, data });
    await append(name, 'b', 'c');
    let value = '0'.repeat(64);
    for (let after = ''; ; ) {
      const page = await proven(name, `&limit=2${after}`);
      if (page.chain === null) break;
      expect(page.chain.before).toBe(value);
      for (const { stored, nonce, inner, type } of page.events) {
        expect(Buffer.from(nonce, 'hex')).toHaveLength(16);
        expect(inner).toBe(hash(Buffer.from(nonce, 'hex'), stored));
        value = hash(Buffer.from(value, 'hex'), Buffer.from(inner, 'hex'), type);
      }
      expect(page.chain.after).toBe(value);
      after = `&after=${page.next}`;
    }
    expect(value).not.toBe('0'.repeat(64));
  });

  test('P-154 a page with proof has the text that was hashed in place of the data', async () => {
    const name = await makeStream();
    await append(name, { b: 1, a: 2 });
    const page = await proven(name);
    expect(page.chain?.epoch).toBe(page.epoch);
    const [event] = page.events;
    expect(event).not.toHaveProperty('data');
    expect(JSON.parse(event?.stored ?? '')).toEqual({ b: 1, a: 2 });
    expect((await proven(name, `&after=${page.next}`)).chain).toBeNull();
    const volatile = await makeStream({ durability: 'volatile' });
    await append(volatile, 1);
    const unproven = await ask(streamPath(volatile, '?proof=1'));
    // A server may keep a chain of every stream.
    if (unproven.status !== 200) expectProblem(unproven, 409, 'conflict');
    else expect(unproven.json<ProvenPage>().chain).not.toBeNull();
  });
});
