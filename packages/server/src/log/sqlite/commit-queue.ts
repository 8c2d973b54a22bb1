import { Worker } from 'node:worker_threads';
import { PlayheadError } from '@playhead/protocol';
import { encodeRow } from '../batch-codec.ts';
import { ByteSink } from '../byte-sink.ts';
import type { LogEvent } from '../event-log.ts';
import {
  BATCH_OP,
  CHANGE_OP,
  type Change,
  type FromWriter,
  OP_HEADER,
  type ToWriter,
  type WriterData,
} from './messages.ts';

/** Whoever waits for a group. Called in the order in which they began to wait, before anything that came later. */
export interface Waiter {
  committed(): void;
  failed(error: PlayheadError): void;
}

type Swept = Extract<FromWriter, { kind: 'swept' }>;
type Ready = Extract<FromWriter, { kind: 'ready' }>;

const MEMORY = 256 * 1024;
const MEMORY_KEPT = 4 * 1024 * 1024;

/**
 * What is to be written, and the thread that writes it. One group is under way at a time; whatever is added
 * meanwhile is the next, and goes as soon as the thread is idle (D-2). A group is one block of memory that is
 * handed over and comes back, so nothing is cloned however many changes it holds.
 *
 *     open ──end of the turn, thread idle──▶ under way ──▶ committed
 *                                                └──────▶ failed: this group and the open one, which builds on it
 */
export class CommitQueue {
  readonly #worker: Worker;
  readonly #bound: number;
  readonly #onFailed: (error: PlayheadError) => void;
  readonly #onSwept: (swept: Swept) => void;
  #sink = new ByteSink(new ArrayBuffer(MEMORY));
  #spare: ArrayBuffer | undefined;
  #open: Waiter[] = [];
  #underWay: Waiter[] | undefined;
  #underWayBytes = 0;
  #inherited: readonly number[] = [];
  #scheduled = false;
  #dead: PlayheadError | undefined;
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #idle: (() => void)[] = [];

  private constructor(worker: Worker, options: CommitQueueOptions) {
    this.#worker = worker;
    this.#bound = options.bound;
    this.#onFailed = options.onFailed;
    this.#onSwept = options.onSwept;
    worker.on('message', (message: FromWriter) => this.#hear(message));
  }

  /** Starts the thread. Rejects if the database is of a later format or cannot be opened. */
  static async open(
    data: WriterData,
    options: CommitQueueOptions,
  ): Promise<{ queue: CommitQueue; ready: Ready }> {
    const worker = new Worker(new URL('./writer.ts', import.meta.url), { workerData: data, execArgv: [] });
    const { promise, resolve, reject } = Promise.withResolvers<Ready>();
    let queue: CommitQueue | undefined;
    const die = (error: PlayheadError): void => {
      reject(error);
      if (queue !== undefined) queue.#die(error);
    };
    worker.on('error', (cause) =>
      die(new PlayheadError('internal', 'The writer of the log has failed.', { cause })),
    );
    worker.on('exit', () => die(new PlayheadError('draining', 'The log is closed.')));
    worker.once('message', (message: FromWriter) => {
      if (message.kind === 'ready') resolve(message);
      else
        reject(
          new PlayheadError(
            'internal',
            message.kind === 'refused' ? message.reason : 'The log did not open.',
          ),
        );
    });
    try {
      const ready = await promise;
      queue = new CommitQueue(worker, options);
      return { queue, ready };
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  /** Bytes handed in and not committed yet. */
  get bytes(): number {
    return this.#sink.length + this.#underWayBytes;
  }

  /** Throws if the thread is gone, or if far more is waiting than the bound: somebody does not ask for room. */
  check(): void {
    if (this.#dead !== undefined) throw this.#dead;
    if (this.bytes > this.#bound * 8)
      throw new PlayheadError('overloaded', 'Too much is waiting to be written.');
  }

  room(): Promise<void> | undefined {
    if (this.bytes <= this.#bound || this.#dead !== undefined) return undefined;
    if (this.#room === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  /** Adds a batch; returns the bytes that it takes as stored. `total` is the segment's without it. */
  batch(segment: number, total: number, first: number, time: number, events: readonly LogEvent[]): number {
    const sink = this.#sink;
    const at = sink.length;
    sink.reserve(OP_HEADER);
    sink.length += OP_HEADER;
    try {
      encodeRow(sink, first, time, events);
    } catch (error) {
      sink.length = at;
      throw error;
    }
    const size = sink.length - at - OP_HEADER;
    sink.view.setUint32(at, BATCH_OP, true);
    sink.view.setFloat64(at + 8, segment, true);
    sink.view.setFloat64(at + 16, total + size, true);
    return size;
  }

  change(change: Change): void {
    const text = JSON.stringify(change);
    const sink = this.#sink;
    sink.reserve(8 + text.length * 3);
    const size = sink.bytes.write(text, sink.length + 8, 'utf8');
    sink.view.setUint32(sink.length, CHANGE_OP, true);
    sink.view.setUint32(sink.length + 4, size, true);
    sink.length += 8 + size;
  }

  /** Waits for everything added so far. */
  wait(waiter: Waiter): void {
    if (this.#dead !== undefined) {
      waiter.failed(this.#dead);
      return;
    }
    this.#open.push(waiter);
    this.#schedule();
  }

  /** The bytes that the next fork of the group that is being reported inherited. Taken in order. */
  takeInherited(): number {
    const [first = 0, ...rest] = this.#inherited;
    this.#inherited = rest;
    return first;
  }

  sweep(now: number, round: boolean): void {
    if (this.#dead === undefined) this.#post({ kind: 'sweep', now, round });
  }

  /** Commits what is waiting, marks the database as closed, and ends the thread. */
  async stop(): Promise<void> {
    while (this.#dead === undefined && (this.#underWay !== undefined || this.#open.length > 0)) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#dead === undefined) {
      const gone = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
      this.#post({ kind: 'stop' });
      await gone;
    }
    await this.#worker.terminate();
  }

  // At the end of the turn, not at once: everything that one turn asks for (and whatever the answers to the last
  // group bring about) is one commit, and an idle thread still starts within the same pass of the event loop.
  #schedule(): void {
    if (this.#scheduled || this.#underWay !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#underWay !== undefined || this.#open.length === 0 || this.#dead !== undefined) return;
    this.#underWay = this.#open;
    this.#open = [];
    const { memory, length } = this.#sink;
    this.#underWayBytes = length;
    this.#sink = new ByteSink(this.#spare ?? new ArrayBuffer(MEMORY));
    this.#spare = undefined;
    this.#post({ kind: 'group', memory, length }, [memory]);
  }

  #hear(message: FromWriter): void {
    switch (message.kind) {
      case 'committed': {
        const waiters = this.#underWay ?? [];
        this.#underWay = undefined;
        this.#underWayBytes = 0;
        this.#inherited = message.inherited;
        if (message.memory.byteLength <= MEMORY_KEPT) this.#spare = message.memory;
        for (const waiter of waiters) waiter.committed();
        this.#settled();
        return;
      }
      case 'failed': {
        const code = message.full ? 'storage-full' : 'internal';
        const detail = message.full ? 'The storage is full.' : 'The log could not be written.';
        this.#fail(new PlayheadError(code, detail, { cause: message.reason }));
        return;
      }
      case 'swept':
        this.#onSwept(message);
        return;
      case 'ready':
      case 'refused':
      case 'stopped':
    }
  }

  #fail(error: PlayheadError): void {
    const waiters = [...(this.#underWay ?? []), ...this.#open];
    this.#underWay = undefined;
    this.#underWayBytes = 0;
    this.#open = [];
    this.#sink.length = 0;
    this.#onFailed(error);
    for (const waiter of waiters) waiter.failed(error);
    this.#settled();
  }

  #die(error: PlayheadError): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#fail(error);
  }

  #settled(): void {
    if (this.#open.length > 0) this.#schedule();
    if (this.#room !== undefined && this.bytes <= this.#bound) {
      this.#room.resolve();
      this.#room = undefined;
    }
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #post(message: ToWriter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

export interface CommitQueueOptions {
  /** Uncommitted bytes beyond which there is no room. */
  readonly bound: number;
  /** Nothing that was not committed will be: what was known of it must be forgotten. */
  readonly onFailed: (error: PlayheadError) => void;
  readonly onSwept: (swept: Swept) => void;
}
