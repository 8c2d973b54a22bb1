import { formatPosition } from '@playhead/protocol';
import type { Appended, Bounds, Created, EventLog, Forked, LogEvent, ReadLimit, Slice } from './event-log.ts';
import type { StreamKey } from './stream-key.ts';

/** Without a limit, as far as the contract's tests go. */
export const WIDE: ReadLimit = { events: 1_000_000, bytes: 67_108_864 };

/** Waits for a condition that engines bring about in their own time. The test's time-out is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

export function texts(...data: readonly string[]): LogEvent[] {
  return data.map((text) => ({ type: 'text', data: text }));
}

/** Everything retained of a stream, read page by page. */
export async function everything(log: EventLog, key: StreamKey, events = 1000): Promise<string[]> {
  const found: string[] = [];
  for (let at = bounds(await log.bounds(key)).start; ; ) {
    const slice = read(await log.read(key, at, { ...WIDE, events }));
    if (slice.batches.length === 0) return found;
    found.push(...dataOf(slice));
    if (formatPosition(slice.next) === formatPosition(at)) throw new Error('A page that does not move on.');
    at = slice.next;
  }
}

export type Read = Extract<Slice, { kind: 'events' }>;

export function read(slice: Slice): Read {
  if (slice.kind !== 'events') throw new Error(`Read ${JSON.stringify(slice)}`);
  return slice;
}

export function dataOf(slice: Read): string[] {
  return slice.batches.flatMap(({ events }) => events.map(({ data }) => plain({ type: '', data }).data));
}

export function plain({ type, data }: LogEvent): { type: string; data: string } {
  if (data === null) throw new Error('An erased event.');
  return { type, data: typeof data === 'string' ? data : `bytes ${Buffer.from(data).toString('hex')}` };
}

export function appended(answer: Appended | undefined): Extract<Appended, { kind: 'appended' }> {
  if (answer?.kind !== 'appended') throw new Error(`Appended ${JSON.stringify(answer)}`);
  return answer;
}

export function created(answer: Created | Forked): Bounds {
  if (answer.kind !== 'created') throw new Error(`Created ${JSON.stringify(answer)}`);
  return answer.bounds;
}

export function bounds(found: Bounds | undefined): Bounds {
  if (found === undefined) throw new Error('No such stream.');
  return found;
}
