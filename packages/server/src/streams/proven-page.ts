import { formatOffset, PlayheadError } from '@playhead/protocol';
import type { Batch, LogEvent } from '../log/event-log.ts';

/** The part of a page that can be proven: its events, and the chain's values around them. */
export interface ProvenEvents {
  readonly batches: readonly Batch[];
  /** JSON of each event, see `provenJson`. */
  readonly events: readonly string[];
  readonly chain: { readonly epoch: string; readonly before: string; readonly after: string } | null;
}

/**
 * Events with what proves them. A chain belongs to one epoch, so what belongs to a later one is left to the next page.
 * Throws `conflict` for a stream that keeps no chain.
 */
export function provenEvents(batches: readonly Batch[]): ProvenEvents {
  const [first] = batches;
  if (first === undefined) return { batches, events: [], chain: null };
  const same = batches.filter(({ epoch }) => epoch === first.epoch);
  const before = first.proof?.before;
  const after = same.at(-1)?.proof?.after;
  if (before === undefined || after === undefined) {
    throw new PlayheadError('conflict', 'This stream keeps no hash chain: volatile streams have none.');
  }
  const events = same.flatMap((batch) => batch.events.map((event, index) => provenJson(batch, event, index)));
  return { batches: same, events, chain: { epoch: first.epoch, before: hex(before), after: hex(after) } };
}

/**
 * An event with its proof. In place of `data` it has `stored`: the very text that was hashed, as a string, because
 * JSON that is parsed and printed again need not give the same bytes, and because there must not be two versions of
 * which a reader proves the one and believes the other.
 */
function provenJson(batch: Batch, { type, data }: LogEvent, index: number): string {
  const nonce = batch.proof?.nonces[index];
  const inner = batch.proof?.inner[index];
  return JSON.stringify({
    position: `${batch.epoch}-${formatOffset(batch.first + index)}`,
    type,
    time: new Date(batch.time).toISOString(),
    stored: data instanceof Uint8Array ? Buffer.from(data).toString('base64') : data,
    ...(data === null ? { redacted: true } : data instanceof Uint8Array ? { encoding: 'base64' } : {}),
    nonce: nonce === undefined || nonce === null ? null : hex(nonce),
    inner: inner === undefined ? null : hex(inner),
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
