import { jsonLine, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Subscription } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SocketLine } from '../../transports/socket-face.ts';
import { checkInput } from '../check-input.ts';
import { binaryFrames } from '../picture-faces.ts';
import { fpsSchema, requireStream } from './screencast-route.ts';
import type { SocketExtra, SocketExtras, SocketViewer } from './socket-face.ts';

const requestId = z.string().max(128).nullish();
const tabId = z.string().max(64).nullish();
const watchMessage = z.object({ request_id: requestId, tab_id: tabId, fps: fpsSchema.nullish() });
const unwatchMessage = z.object({ request_id: requestId, tab_id: tabId });

/** Tabs that one socket may watch at once. */
const MOST = 16;

/**
 * Frames on a computer's socket: `watch` begins to send them, of a tab or of whichever is the main one, `unwatch` ends
 * it. They come as binary messages, no more than two ahead of what the client has (D-29).
 */
export function frameWatching(clock: Clock): SocketExtras {
  return (line, viewer) => new FrameWatching(clock, line, viewer);
}

class FrameWatching implements SocketExtra {
  readonly #clock: Clock;
  readonly #line: SocketLine;
  readonly #viewer: SocketViewer;
  /** By tab; '' follows the main one. Null: being attached. */
  readonly #watched = new Map<string, Subscription | null>();
  readonly #seats = new Map<string, Disposable>();
  #gone = false;

  constructor(clock: Clock, line: SocketLine, viewer: SocketViewer) {
    this.#clock = clock;
    this.#line = line;
    this.#viewer = viewer;
  }

  take(message: Readonly<Record<string, unknown>>): boolean {
    switch (message['type']) {
      case 'watch': {
        const { request_id, tab_id, fps } = checkInput(watchMessage, message);
        void this.#watch(tab_id ?? undefined, request_id ?? undefined, fps ?? undefined);
        return true;
      }
      case 'unwatch': {
        const { request_id, tab_id } = checkInput(unwatchMessage, message);
        this.#forget(tab_id ?? '');
        this.#answer('unwatch_result', request_id ?? undefined, { tab_id: tab_id ?? null });
        return true;
      }
      default:
        return false;
    }
  }

  closed(): void {
    this.#gone = true;
    for (const tab of [...this.#watched.keys()]) this.#forget(tab);
  }

  /** Watching what is watched already only changes how often. */
  async #watch(tab: string | undefined, id: string | undefined, fps: number | undefined): Promise<void> {
    const name = tab ?? '';
    try {
      if (this.#watched.size >= MOST && !this.#watched.has(name))
        throw new PlayheadError('overloaded', `A socket watches at most ${MOST} tabs.`);
      this.#forget(name);
      this.#watched.set(name, null);
      this.#seats.set(name, this.#viewer.computer.spectators.add());
      const key = await requireStream(this.#viewer.computer, tab);
      this.#answer('watch_result', id, { tab_id: tab ?? null });
      const attached = await this.#line.watch({
        key,
        from: 'live',
        delivery: 'latest',
        intervalMs: fps === undefined ? 0 : 1000 / fps,
        rendering: binaryFrames,
        end: () => this.#ended(name, tab),
      });
      if (attached.kind !== 'attached') this.#ended(name, tab);
      else if (this.#gone || this.#watched.get(name) !== null) attached.subscription[Symbol.dispose]();
      else this.#watched.set(name, attached.subscription);
    } catch (error) {
      this.#forget(name);
      if (!(error instanceof PlayheadError)) throw error;
      this.#line.send(
        jsonLine({
          ...this.#about('watch_result', id),
          status: 'ERROR',
          code: error.code,
          error_message: error.message,
        }),
      );
    }
  }

  #forget(tab: string): void {
    const subscription = this.#watched.get(tab);
    this.#watched.delete(tab);
    subscription?.[Symbol.dispose]();
    this.#seats.get(tab)?.[Symbol.dispose]();
    this.#seats.delete(tab);
  }

  #ended(name: string, tab: string | undefined): void {
    if (!this.#watched.has(name)) return;
    this.#forget(name);
    this.#line.send(jsonLine({ type: 'watch_ended', tab_id: tab ?? null }));
  }

  #answer(type: string, id: string | undefined, what: Readonly<Record<string, unknown>>): void {
    this.#line.send(jsonLine({ ...this.#about(type, id), status: 'SUCCESS', ...what }));
  }

  #about(type: string, id: string | undefined): Readonly<Record<string, unknown>> {
    const timestamp = new Date(this.#clock.now()).toISOString();
    return { type, ...(id === undefined ? {} : { request_id: id }), timestamp };
  }
}
