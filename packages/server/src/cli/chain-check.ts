import { createHash } from 'node:crypto';
import { parsePosition } from '@playhead/protocol';
import { asRecord, textOf } from './client.ts';

/**
 * Recomputes the hash chain of a stream (PROTOCOL.md, chapter 12), page by page, trusting nothing that it can compute
 * itself. It shares no code with the server: what proves is not to be what made.
 *
 *     inner = SHA-256(nonce ‖ data)     h = SHA-256(h before ‖ inner ‖ type)     h = 32 zero bytes before offset 1
 *
 *   page head ──► event ──► event ──► … ──► page head ──► …
 *   begins at the value     each one offset         must begin where the
 *   that it claims, or      behind the other        events before it ended
 *   at zero
 */
export class ChainCheck {
  /** Events that were verified. */
  events = 0;
  /** How many of them were erased: their place and type are proven, their data is gone. */
  redacted = 0;
  /** One for each epoch. More than one means that history was, or may have been, lost between them. */
  readonly spans: Span[] = [];
  #epoch = '';
  #offset = 0;
  #value: Buffer | undefined;
  #claimed: Buffer | undefined;

  /** Takes the head of a page; says what is wrong with it. */
  page(head: unknown): Broken | undefined {
    const ended = this.#endPage();
    if (ended !== undefined) return ended;
    const chain = asRecord(asRecord(head)['chain']);
    const epoch = textOf(chain['epoch']) ?? '';
    const before = bytesOf(chain['before'], 32);
    const after = bytesOf(chain['after'], 32);
    if (before === undefined || after === undefined) return this.#broken('no-proof');
    if (epoch === this.#epoch) {
      if (this.#value?.equals(before) !== true) return this.#broken('chain-changed');
    } else {
      if (epoch < this.#epoch) return this.#broken('out-of-order');
      this.#epoch = epoch;
      this.#offset = 0;
      this.#value = before;
      this.spans.push({ epoch, first: '', last: '', head: '' });
    }
    this.#claimed = after;
    return undefined;
  }

  /** Takes the next event; says what is wrong with it. */
  event(value: unknown): Broken | undefined {
    const event = asRecord(value);
    const text = textOf(event['position']) ?? '';
    const position = parsePosition(text);
    const span = this.spans.at(-1);
    if (this.#value === undefined || span === undefined) return { at: text, reason: 'no-proof' };
    if (position === undefined || position.epoch !== this.#epoch) return this.#broken('out-of-order');
    const first = span.first === '';
    if (!first && position.offset <= this.#offset) return { at: text, reason: 'out-of-order' };
    if (!first && position.offset > this.#offset + 1) return this.#broken('missing-events');
    // The chain is zero before the first event of an epoch, and nowhere else.
    const zero = !this.#value.some((byte) => byte !== 0);
    if (first && (position.offset === 1) !== zero) return { at: text, reason: 'chain-changed' };
    const inner = innerOf(event);
    const type = textOf(event['type']);
    if (inner === undefined || type === undefined) return { at: text, reason: 'no-proof' };
    if (inner === 'changed') return { at: text, reason: 'data-changed' };
    this.#value = createHash('sha256').update(this.#value).update(inner).update(type, 'utf8').digest();
    this.#offset = position.offset;
    this.events++;
    if (event['stored'] === null) this.redacted++;
    if (first) span.first = text;
    span.last = text;
    span.head = this.#value.toString('hex');
    return undefined;
  }

  /** Nothing follows; says what is wrong with how it ended. */
  end(): Broken | undefined {
    return this.#endPage();
  }

  /** A page ends where its head said that it would, or an event in it was added, changed or cut off. */
  #endPage(): Broken | undefined {
    if (this.#claimed === undefined || this.#value?.equals(this.#claimed) === true) return undefined;
    return this.#broken('chain-changed');
  }

  // Behind the last event that is proven: that is where the break is.
  #broken(reason: Break): Broken {
    const last = this.spans.at(-1)?.last ?? '';
    return { at: last === '' ? 'the beginning' : last, behind: last !== '', reason };
  }
}

export interface Span {
  readonly epoch: string;
  first: string;
  last: string;
  /** The chain's value behind the last event, in hex. */
  head: string;
}

export type Break = 'no-proof' | 'missing-events' | 'out-of-order' | 'data-changed' | 'chain-changed';

export interface Broken {
  /** A position. */
  readonly at: string;
  /** Whether the break is behind that position, not in the event there. */
  readonly behind?: boolean;
  readonly reason: Break;
}

/** The hash of an event's data; undefined if what it takes is not there. */
function innerOf(event: Readonly<Record<string, unknown>>): Buffer | 'changed' | undefined {
  const kept = bytesOf(event['inner'], 32);
  const { stored } = event;
  // What was erased left only this hash: a change of it shows in the chain.
  if (stored === null) return kept;
  const nonce = bytesOf(event['nonce'], 16);
  if (typeof stored !== 'string' || nonce === undefined || kept === undefined) return undefined;
  const data = Buffer.from(stored, event['encoding'] === 'base64' ? 'base64' : 'utf8');
  const inner = createHash('sha256').update(nonce).update(data).digest();
  return inner.equals(kept) ? inner : 'changed';
}

function bytesOf(value: unknown, length: number): Buffer | undefined {
  if (typeof value !== 'string' || value.length !== length * 2 || !/^[0-9a-f]*$/.test(value))
    return undefined;
  return Buffer.from(value, 'hex');
}
