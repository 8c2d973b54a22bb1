import type { Appended, AppendOptions, LogEvent } from '../log/event-log.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * The way of one session's events into the log: in the order they were sent, each once, whatever fails between.
 *
 * Batches go out without waiting for each other, numbered as a writer's sequence. When one fails, those behind
 * it are refused by their number, so nothing is reordered; the first that is missing is tried again until the
 * log takes it, then the rest. What was sent is kept until then and bounded only by its sender: who sends while
 * `room` says no fills memory. Once an outage has lasted for longer than the patience, what is kept
 * and what is sent afterwards is given up, so that the ending needs no room but its own (D-6).
 */
export interface Outlet extends Disposable {
  /** Takes a batch. `bytes` is its size, for the bound. */
  send(events: readonly LogEvent[], bytes: number): void;
  /** Undefined while more may be sent; else a promise of when to ask again. */
  room(): Promise<void> | undefined;
  /** Undefined while nothing is on its way; else a promise of when nothing is: all is committed, or never will be. */
  settled(): Promise<void> | undefined;
  /**
   * Sends the last batch and closes the stream with it, atomically; nothing may be sent afterwards. Resolves
   * once that is committed: `closed`; or `gone` if the stream was closed or deleted by somebody else.
   */
  finish(events: readonly LogEvent[]): Promise<'closed' | 'gone'>;
}

export interface OutletParts {
  append(events: readonly LogEvent[], options: AppendOptions): Promise<Appended>;
  /** Room in the log itself, see `EventLog.room`. */
  room(): Promise<void> | undefined;
  readonly clock: Clock;
  /** Beyond so many bytes not yet committed there is no room. */
  readonly maxBytes: number;
  /** How long to wait before the first retry, ms; doubles up to 16 times that. */
  readonly retryMs: number;
  /** How long an outage lasts before `stuck` is called, ms. */
  readonly patienceMs: number;
  /** An outage began: the log refused a batch. */
  failing(error: unknown): void;
  /** The outage lasts. Retries go on. */
  stuck(): void;
  /** The stream is closed or deleted: what was sent since is nowhere. */
  gone(result: Exclude<Appended['kind'], 'appended' | 'repeated' | 'sequence-gap'>): void;
}

interface Entry {
  readonly epoch: number;
  readonly sequence: number;
  readonly events: readonly LogEvent[];
  readonly bytes: number;
  readonly close: boolean;
  flying: boolean;
  committed: boolean;
}

const LONGEST_RETRY = 16;

export function createOutlet(parts: OutletParts): Outlet {
  const { clock } = parts;
  /** Not yet committed, oldest first. */
  const entries: Entry[] = [];
  let bytes = 0;
  let epoch = 0;
  let sequence = 0;
  /** An outage lasted for longer than the patience: only the ending is written from then on. */
  let lost = false;
  let flying = 0;
  let outage: { readonly patience: Disposable; wait: number } | undefined;
  let retry: Disposable | undefined;
  let gone = false;
  let disposed = false;
  let waiting: (() => void)[] = [];
  let settling: (() => void)[] = [];
  let finished: ((result: 'closed' | 'gone') => void) | undefined;

  function dispatch(entry: Entry): void {
    entry.flying = true;
    flying++;
    const guard = { kind: 'writer', id: 'session', epoch: entry.epoch, sequence: entry.sequence } as const;
    parts.append(entry.events, entry.close ? { guard, close: true } : { guard }).then(
      (result) => {
        landed(entry);
        take(entry, result);
      },
      (error: unknown) => {
        landed(entry);
        fail(error);
      },
    );
  }

  function landed(entry: Entry): void {
    entry.flying = false;
    flying--;
  }

  function take(entry: Entry, result: Appended): void {
    // Given up meanwhile: whatever became of it, what came after counts.
    if (entry.epoch < epoch) {
      if (flying === 0) tryAgain(0);
      return;
    }
    switch (result.kind) {
      case 'appended':
      case 'repeated':
        commit(entry);
        return;
      // The batch before it failed: both are tried again.
      case 'sequence-gap':
        fail(undefined);
        return;
      case 'closed':
      case 'missing':
      case 'fenced':
      case 'mismatch':
      case 'other-type':
      case 'out-of-order':
        if (!gone) {
          abandon();
          parts.gone(result.kind);
        }
        return;
    }
  }

  function commit(entry: Entry): void {
    entry.committed = true;
    while (entries[0]?.committed === true) {
      bytes -= entries[0].bytes;
      entries.shift();
    }
    if (outage !== undefined && flying === 0) recover();
    if (outage === undefined && bytes < parts.maxBytes / 2) release();
    if (entries.length === 0) settle();
    if (entry.close) finished?.('closed');
  }

  function fail(error: unknown): void {
    if (gone || disposed) return;
    if (outage === undefined) {
      outage = { patience: clock.after(parts.patienceMs, lose), wait: parts.retryMs };
      parts.failing(error);
    }
    // Only when all have landed is it known which is the first that is missing.
    if (flying > 0) return;
    const { wait } = outage;
    outage.wait = Math.min(wait * 2, parts.retryMs * LONGEST_RETRY);
    tryAgain(wait);
  }

  function tryAgain(ms: number): void {
    retry?.[Symbol.dispose]();
    retry = clock.after(ms, () => {
      retry = undefined;
      const [first] = entries;
      if (first !== undefined && flying === 0) dispatch(first);
    });
  }

  // Whoever waits for room goes on: a source that is not read to its end would never let the session end.
  function lose(): void {
    lost = true;
    giveUp();
    parts.stuck();
    release();
  }

  // A new epoch, not the number of the first that is missing: whether that one was committed after all may be unknown,
  // and then its answer would be given again in place of writing the ending.
  function giveUp(): void {
    const last = entries.at(-1);
    entries.length = 0;
    bytes = 0;
    epoch++;
    sequence = 0;
    if (last?.close === true) push(last.events, 0, true);
  }

  function recover(): void {
    // Others may have failed in the same moment that the first was taken: only an answer to a try proves health,
    // and this was one, because nothing else flies.
    outage?.patience[Symbol.dispose]();
    outage = undefined;
    retry?.[Symbol.dispose]();
    for (const entry of entries) if (!entry.flying && !entry.committed) dispatch(entry);
  }

  function abandon(): void {
    gone = true;
    entries.length = 0;
    bytes = 0;
    quiet();
    release();
    settle();
    finished?.('gone');
  }

  function quiet(): void {
    outage?.patience[Symbol.dispose]();
    retry?.[Symbol.dispose]();
  }

  function release(): void {
    const ready = waiting;
    waiting = [];
    for (const resolve of ready) resolve();
  }

  function settle(): void {
    const ready = settling;
    settling = [];
    for (const resolve of ready) resolve();
  }

  function push(events: readonly LogEvent[], size: number, close: boolean): void {
    if (gone || disposed) return;
    const entry = {
      epoch,
      sequence: sequence++,
      events,
      bytes: size,
      close,
      flying: false,
      committed: false,
    };
    entries.push(entry);
    bytes += size;
    if (outage === undefined) dispatch(entry);
    else if (flying === 0 && retry === undefined) tryAgain(outage.wait);
  }

  return {
    send(events, size) {
      if (events.length > 0 && !lost) push(events, size, false);
    },
    room() {
      if (gone || lost) return undefined;
      if (outage === undefined && bytes < parts.maxBytes) return parts.room();
      return new Promise((resolve) => waiting.push(resolve));
    },
    settled() {
      if (entries.length === 0 || disposed) return undefined;
      return new Promise((resolve) => settling.push(resolve));
    },
    finish(events) {
      return new Promise((resolve) => {
        finished = resolve;
        if (gone) resolve('gone');
        else push(events, 0, true);
      });
    },
    [Symbol.dispose]() {
      disposed = true;
      quiet();
      release();
      settle();
    },
  };
}
