import { createHash } from 'node:crypto';
import { formatPosition } from '@playhead/protocol';
import { expect, test } from 'vitest';
import { ChainCheck } from './chain-check.ts';

const EPOCHS = ['01k9x2m4v7qhd3ts', '01k9x2m4v7qhd3tt'] as const;
const ZERO = '0'.repeat(64);

interface Made {
  readonly head: {
    readonly chain: { readonly epoch: string; readonly before: string; readonly after: string };
  };
  readonly events: Record<string, unknown>[];
}

/** A page as a server sends it, built from the definition of the chain and nothing of ours. */
function page(texts: readonly string[], epoch: string = EPOCHS[0], from = 1, before = ZERO): Made {
  let value = before;
  const events = texts.map((stored, i) => {
    const nonce = createHash('md5')
      .update(`${epoch}${from + i}`)
      .digest('hex');
    const inner = createHash('sha256').update(Buffer.from(nonce, 'hex')).update(stored).digest('hex');
    value = createHash('sha256')
      .update(Buffer.from(value + inner, 'hex'))
      .update('t')
      .digest('hex');
    return { position: formatPosition({ epoch, offset: from + i }), type: 't', stored, nonce, inner };
  });
  return { head: { chain: { epoch, before, after: value } }, events };
}

function check(...pages: readonly Made[]): ChainCheck | string {
  const checked = new ChainCheck();
  for (const { head, events } of pages) {
    const broken = [checked.page(head), ...events.map((event) => checked.event(event))].find(
      (each) => each !== undefined,
    );
    if (broken !== undefined)
      return `${broken.reason} ${broken.behind === true ? 'behind ' : ''}${broken.at}`;
  }
  return checked.end()?.reason ?? checked;
}

const at = (offset: number, epoch: string = EPOCHS[0]): string => formatPosition({ epoch, offset });

test('P-151 pages that follow each other are one chain', () => {
  const first = page(['1', '2']);
  expect(check(first, page(['3'], EPOCHS[0], 3, first.head.chain.after))).toMatchObject({ events: 3 });
  expect(check(first, page(['3'], EPOCHS[0], 3))).toBe(`chain-changed behind ${at(2)}`);
  expect(check(first, page(['3'], EPOCHS[0], 4, first.head.chain.after))).toBe(
    `missing-events behind ${at(2)}`,
  );
});

test('P-151 an epoch begins at zero, and a new one behind the old', () => {
  const [old, young] = [page(['1']), page(['1'], EPOCHS[1])];
  expect(check(old, young)).toMatchObject({ spans: [{ last: at(1) }, { last: at(1, EPOCHS[1]) }] });
  expect(check(young, old)).toMatch(/^out-of-order/);
  expect(check(page(['1'], EPOCHS[0], 1, 'f'.repeat(64)))).toBe(`chain-changed ${at(1)}`);
  expect(check(page(['1'], EPOCHS[0], 7))).toBe(`chain-changed ${at(7)}`);
});

test('P-153 what was trimmed leaves a chain that begins where the server says', () => {
  expect(check(page(['7', '8'], EPOCHS[0], 7, 'a'.repeat(64)))).toMatchObject({ events: 2 });
});

test('P-155 an erased event keeps its place; its hash cannot be changed', () => {
  const made = page(['1', 'secret', '3']);
  const erase = (change: Record<string, unknown>): Made => ({
    ...made,
    events: made.events.with(1, { ...made.events[1], stored: null, nonce: null, redacted: true, ...change }),
  });
  expect(check(erase({}))).toMatchObject({ events: 3, redacted: 1 });
  expect(check(erase({ inner: 'b'.repeat(64) }))).toBe('chain-changed');
});
