import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog, RetentionRule } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { GapReason, Recording, RecordingRequest, RecordingWish } from '../recordings.ts';
import { lastEntry } from './last-entry.ts';
import { Recorder } from './recorder.ts';
import { logRecordingEvent, type RecordingEvent } from './recording-event.ts';

export interface RecordingParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fps: number;
  readonly stillMs: number;
  readonly retryMs: number;
  readonly retention: RetentionRule;
  /** It is not open any more. */
  closed(): void;
}

/** A recording of one source: a stream, and a recorder while it is switched on. See recordings.ts for what it promises. */
export function openRecording(
  parts: RecordingParts,
  request: RecordingRequest,
): Recording & { stop(): Promise<void> } {
  const { log, hub, clock, logger } = parts;
  const { key } = request;
  let recorder: Recorder | undefined;
  let over = false;
  // What is asked of it is done one behind the other.
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function begin(fps: number): Promise<void> {
    await halt('off');
    if (over) throw new PlayheadError('conflict', 'What was to be recorded is over.');
    await log.create(key, { contentType: 'application/octet-stream', retention: parts.retention });
    // Settings may have changed since it was made.
    await log.retain(key, parts.retention);
    const last = await lastEntry(log, key);
    if (last?.closed === true) throw new PlayheadError('conflict', 'The recording is over.');
    const time = clock.now();
    const first: RecordingEvent[] = [{ type: 'begin', time, fps }];
    if (last !== undefined && last.event?.type !== 'gap')
      first.unshift({ type: 'gap', time, from: last.time + 1, reason: 'lost' });
    await hub.append(key, first.map(logRecordingEvent));
    const next = new Recorder({ ...parts, ...request, fps });
    if (!(await next.begin())) {
      await next.stop('no-pictures', false);
      throw new PlayheadError('not-found', 'There is nothing to record.');
    }
    recorder = next;
  }

  async function halt(reason: GapReason): Promise<void> {
    const last = recorder;
    recorder = undefined;
    try {
      await last?.stop(reason, false);
    } catch (error) {
      // Whoever records next, or settles it, tells the gap.
      logger.warn({ stream: key, err: error }, 'the end of a recording could not be written');
    }
  }

  async function finish(): Promise<void> {
    over = true;
    const last = recorder;
    recorder = undefined;
    try {
      if (last === undefined) await endRecording(parts, key, 'over');
      else await last.stop('over', true);
    } catch (error) {
      logger.warn({ stream: key, err: error }, 'the end of a recording could not be written');
    }
  }

  return {
    key,
    get running() {
      return recorder === undefined ? undefined : { since: recorder.since, fps: recorder.fps };
    },
    on: ({ fps = parts.fps }: RecordingWish) =>
      inTurn(async () => {
        if (recorder?.fps !== fps) await begin(fps);
      }),
    off: () => inTurn(() => halt('off')),
    finish: () => inTurn(finish),
    stop: () => inTurn(() => halt('stopped')),
    async [Symbol.asyncDispose]() {
      await inTurn(() => halt('stopped'));
      over = true;
      parts.closed();
    },
  };
}

/** Ends a recording that nobody writes; does nothing where there is none, or where that was done. */
export async function endRecording(
  { log, hub, clock }: Pick<RecordingParts, 'log' | 'hub' | 'clock'>,
  key: RecordingRequest['key'],
  reason: GapReason,
): Promise<void> {
  const last = await lastEntry(log, key);
  if (last === undefined || last.closed) return;
  const { event } = last;
  const from = event?.type === 'gap' ? event.from : last.time + 1;
  await hub.append(key, [logRecordingEvent({ type: 'end', time: clock.now(), from, reason })], {
    close: true,
  });
}
