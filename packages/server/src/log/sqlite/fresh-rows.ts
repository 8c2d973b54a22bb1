import { rowAt } from '../batch-codec.ts';
import { OP_HEADER } from './messages.ts';
import { type StoredRow, viewOf } from './rows.ts';

/** Where a row stands: one small object for each, since most are never looked at. */
interface FreshRow {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where its op begins. */
  readonly at: number;
  readonly first: number;
}

/** Rows that stand in the journal, by segment and in order. Each thread that reads has its own. */
export class FreshRows {
  readonly #segments = new Map<number, FreshRow[]>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many segments they are of. */
  get segments(): number {
    return this.#segments.size;
  }

  /** Takes the row of a batch op that begins at `at`; returns where the op ends. The memory must stay as it is. */
  take(bytes: Buffer, view: DataView, at: number): number {
    const row = rowAt(view, at + OP_HEADER);
    const end = row.at + row.length;
    const segment = view.getFloat64(at + 8, true);
    const fresh: FreshRow = { bytes, view, at, first: row.first };
    const list = this.#segments.get(segment);
    if (list === undefined) this.#segments.set(segment, [fresh]);
    else list.push(fresh);
    this.#count += 1;
    this.#bytes += row.length;
    return end;
  }

  /** Takes all ops of a block of memory that holds nothing else. */
  takeAll(bytes: Buffer): void {
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length; ) at = this.take(bytes, view, at);
  }

  /** Forgets the rows of such a block, the first that there are of their segments; returns how many of each. */
  dropAll(bytes: Buffer): ReadonlyMap<number, number> {
    const view = viewOf(bytes);
    const counts = new Map<number, number>();
    for (let at = 0; at < bytes.length; ) {
      const segment = view.getFloat64(at + 8, true);
      counts.set(segment, (counts.get(segment) ?? 0) + 1);
      const row = rowAt(view, at + OP_HEADER);
      this.#count -= 1;
      this.#bytes -= row.length;
      at = row.at + row.length;
    }
    for (const [segment, count] of counts) {
      const list = this.#segments.get(segment);
      if (list === undefined || list.length <= count) this.#segments.delete(segment);
      else list.splice(0, count);
    }
    return counts;
  }

  clear(): void {
    this.#segments.clear();
    this.#count = 0;
    this.#bytes = 0;
  }

  has(segment: number): boolean {
    return this.#segments.has(segment);
  }

  /** The last row that begins at or before `offset`. */
  upTo(segment: number, offset: number): StoredRow | undefined {
    const list = this.#segments.get(segment) ?? [];
    return stored(list[behind(list, offset) - 1]);
  }

  /** The first row that begins at or behind `offset`. */
  from(segment: number, offset: number): StoredRow | undefined {
    const list = this.#segments.get(segment) ?? [];
    return stored(list[behind(list, offset - 1)]);
  }

  /** Rows that begin at `first` up to and with `last`. */
  range(segment: number, first: number, last: number): StoredRow[] {
    const list = this.#segments.get(segment) ?? [];
    return this.slice(segment, behind(list, first - 1), behind(list, last));
  }

  /** How many rows of a segment begin at or before `offset`. */
  before(segment: number, offset: number): number {
    return behind(this.#segments.get(segment) ?? [], offset);
  }

  /** Rows of a segment by their place among them. */
  slice(segment: number, from: number, to: number): StoredRow[] {
    const list = this.#segments.get(segment) ?? [];
    return list.slice(from, to).flatMap((fresh) => stored(fresh) ?? []);
  }

  /** The segments that have rows, in their order. */
  sorted(): number[] {
    return [...this.#segments.keys()].sort((a, b) => a - b);
  }
}

function stored(fresh: FreshRow | undefined): StoredRow | undefined {
  if (fresh === undefined) return undefined;
  const { bytes, view, at } = fresh;
  const { at: from, length, flags, first, time, count, dataAt } = rowAt(view, at + OP_HEADER);
  return {
    row: { at: 0, length, flags, first, time, count, dataAt: dataAt - from },
    last: first + count - 1,
    total: view.getFloat64(at + 16, true),
    bytes: bytes.subarray(from, from + length),
  };
}

/** How many rows begin at or before `offset`. */
function behind(list: readonly FreshRow[], offset: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.first ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
