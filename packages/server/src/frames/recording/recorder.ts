import { PlayheadError } from '@playhead/protocol';
import type { Encoding, EndReason, Hub, Sink, Subscription } from '../../hub/hub.ts';
import type { Appended, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { readFrameMessage } from '../frame-message.ts';
import type { GapReason } from '../recordings.ts';
import { logRecordingEvent, type RecordingEvent } from './recording-event.ts';

export interface RecorderParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  /** At least so often something is written, while a picture is shown, ms. */
  readonly stillMs: number;
  /** Between two tries to write, ms. */
  readonly retryMs: number;
  readonly key: StreamKey;
  readonly frames: StreamKey;
  readonly fps: number;
  still?(): boolean;
  silentMs?(): number;
  seat?(): Disposable;
}

/** How long a source that has no still pictures may give none before that is a gap (D-30): this, and three intervals. */
const SILENT_MS = 2_000;

/** A picture that does not change is written again so often: what follows must not outlive what it refers to. */
const WHOLE_MS = 300_000;

const NOTHING = new Uint8Array();

/** The newest frame, as it is in the stream. */
const newest: Encoding = {
  encode({ events }) {
    const data = events.at(-1)?.data;
    return data instanceof Uint8Array ? data : NOTHING;
  },
  frame: (parts) => parts.findLast((part) => part.length > 0) ?? NOTHING,
};

/**
 * Writes what a stream of frames shows. One append is under way at a time and the newest frame is taken behind it, so a
 * slow disk makes fewer frames and no queue.
 *
 *   a frame ──▶ as the last one? ─yes─▶ nothing
 *                    │ no
 *                    ▼
 *              [gap owed] frame ──▶ committed ──▶ the next
 *                    └ refused: a gap is owed, and told as soon as something can be written
 */
export class Recorder implements Sink {
  readonly encoding: Encoding = newest;
  readonly since: number;
  readonly #parts: RecorderParts;
  readonly #intervalMs: number;
  #subscription: Subscription | undefined;
  #seat: Disposable | undefined;
  #ticking: Disposable | undefined;
  #retry: Disposable | undefined;
  #busy: Promise<void> | undefined;
  #stopped = false;
  /** The last frame written. */
  #last: { readonly message: Uint8Array; readonly jpeg: Uint8Array; readonly offset: number } | undefined;
  /** When it was written whole; when anything was; and until when what was written is known to be shown, ms. */
  #wholeAt = 0;
  #writtenAt = 0;
  #known = 0;
  /** The gap that is told and goes on, and the one that is still to be told. */
  #gap: { readonly from: number } | undefined;
  #owed: { readonly from: number; readonly reason: GapReason } | undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#intervalMs = 1000 / parts.fps;
    this.since = this.#known = parts.clock.now();
    // Until the first frame nothing is known.
    this.#gap = { from: this.since };
  }

  get fps(): number {
    return this.#parts.fps;
  }

  /** Watches from now on. False: there is nothing to watch. */
  async begin(): Promise<boolean> {
    if (!(await this.#attach())) return false;
    const { clock, stillMs } = this.#parts;
    this.#ticking = clock.every(Math.min(stillMs, SILENT_MS), () => this.#tick());
    return true;
  }

  receipt(): void {}

  write(message: Uint8Array): boolean {
    const frame = readFrameMessage(message);
    if (frame === undefined) return true;
    const now = this.#parts.clock.now();
    if (this.#isSilent(now)) this.#owe(this.#known + 1, 'no-pictures');
    this.#known = now;
    const open = this.#gap !== undefined || this.#owed !== undefined;
    if (!open && this.#last !== undefined && Buffer.compare(this.#last.jpeg, frame.jpeg) === 0) return true;
    const { jpeg } = frame;
    this.#do(async () => {
      const told = await this.#put([{ type: 'frame', message }], now);
      if (told === undefined) return;
      this.#last = { message, jpeg, offset: told.position.offset };
      this.#wholeAt = this.#writtenAt;
      this.#gap = undefined;
    });
    return false;
  }

  end(reason: EndReason): void {
    this.#leave();
    this.#owe(this.#parts.clock.now(), reason === 'draining' ? 'stopped' : 'no-pictures');
  }

  /** Writes the last word. `close`: nothing will follow. Rejects if it cannot be written. */
  async stop(reason: GapReason, close: boolean): Promise<void> {
    if (this.#stopped) return;
    const { clock } = this.#parts;
    const now = clock.now();
    const shown = this.#gap === undefined && this.#owed === undefined && !this.#isSilent(now);
    this.#stopped = true;
    this.#ticking?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#leave();
    await this.#busy;
    const from = this.#owed?.from ?? this.#gap?.from ?? (shown ? now : this.#known + 1);
    if (close) await this.#append([{ type: 'end', time: now, from, reason }], true);
    else if (this.#gap === undefined || this.#last === undefined)
      await this.#append([{ type: 'gap', time: now, from, reason }], false);
  }

  async #attach(): Promise<boolean> {
    this.#seat = this.#parts.seat?.();
    const attached = await this.#parts.hub.attach(
      { key: this.#parts.frames, from: 'live', delivery: 'latest', intervalMs: this.#intervalMs },
      this,
    );
    if (attached.kind === 'attached') this.#subscription = attached.subscription;
    if (attached.kind !== 'attached' || this.#stopped) this.#leave();
    return this.#subscription !== undefined;
  }

  #leave(): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    this.#seat?.[Symbol.dispose]();
    this.#seat = undefined;
  }

  #isSilent(now: number): boolean {
    if (this.#parts.still?.() === true) return false;
    const patience = Math.max(SILENT_MS, 3 * this.#intervalMs, this.#parts.silentMs?.() ?? 0);
    return now - this.#known > patience;
  }

  /** Nothing is known from then on, and this is to be told. What is not known already cannot become so. */
  #owe(from: number, reason: GapReason): void {
    if (this.#gap === undefined) this.#owed ??= { from, reason };
  }

  #tick(): void {
    if (this.#busy !== undefined || this.#stopped) return;
    if (this.#subscription === undefined) return this.#do(async () => void (await this.#attach()));
    const now = this.#parts.clock.now();
    if (this.#isSilent(now)) this.#owe(this.#known + 1, 'no-pictures');
    if (this.#owed !== undefined) return this.#do(() => this.#tellGap(now));
    if (this.#gap !== undefined || this.#last === undefined) return;
    if (this.#parts.still?.() === true) this.#known = now;
    if (now - this.#writtenAt < this.#parts.stillMs) return;
    const { message, offset } = this.#last;
    const last = this.#last;
    this.#do(async () => {
      if (now - this.#wholeAt < WHOLE_MS) {
        await this.#put([{ type: 'still', time: this.#known, frame: offset }], now);
        return;
      }
      const told = await this.#put([{ type: 'frame', message }], now);
      if (told === undefined) return;
      this.#last = { ...last, offset: told.position.offset };
      this.#wholeAt = this.#writtenAt;
    });
  }

  async #tellGap(now: number): Promise<void> {
    const from = this.#owed?.from ?? now;
    if ((await this.#put([], now)) !== undefined) this.#gap = { from };
  }

  /** One thing at a time; the next frame is taken behind it. */
  #do(work: () => Promise<void>): void {
    const mine = (this.#busy ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => {
        this.#parts.logger.error({ stream: this.#parts.key, err: error }, 'a recording could not be written');
      })
      .finally(() => {
        if (this.#busy === mine) this.#busy = undefined;
        if (this.#retry === undefined) this.#subscription?.resume();
      });
    this.#busy = mine;
  }

  /** Writes events, behind the gap that is owed. Undefined: that failed, and a gap from `time` on is owed. */
  async #put(
    events: readonly RecordingEvent[],
    time: number,
  ): Promise<Extract<Appended, { kind: 'appended' }> | undefined> {
    const owed = this.#owed;
    const gap: RecordingEvent[] =
      owed === undefined ? [] : [{ type: 'gap', time: this.#parts.clock.now(), ...owed }];
    try {
      const appended = await this.#append([...gap, ...events], false);
      if (this.#owed === owed) this.#owed = undefined;
      this.#writtenAt = this.#parts.clock.now();
      return appended;
    } catch (error) {
      const tooLarge = error instanceof PlayheadError && error.code === 'too-large';
      this.#owe(time, tooLarge ? 'too-large' : 'storage');
      if (!tooLarge) this.#pause();
      return undefined;
    }
  }

  async #append(
    events: readonly RecordingEvent[],
    close: boolean,
  ): Promise<Extract<Appended, { kind: 'appended' }>> {
    const { log, hub, key } = this.#parts;
    await log.room();
    const appended = await hub.append(key, events.map(logRecordingEvent), { close });
    if (appended.kind === 'appended') return appended;
    throw new PlayheadError('conflict', 'The recording was deleted or closed while it was written.');
  }

  #pause(): void {
    this.#retry = this.#parts.clock.after(this.#parts.retryMs, () => {
      this.#retry = undefined;
      this.#subscription?.resume();
    });
  }
}
