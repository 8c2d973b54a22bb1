import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Recordings } from '../recordings.ts';
import { createSurvey } from './about-recording.ts';
import { play } from './play.ts';
import { endRecording, openRecording } from './recording.ts';
import { shownAt } from './shown-at.ts';

export interface RecordingsParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: RecordingSettings;
}

/** Durations are ms, sizes bytes. */
export interface RecordingSettings {
  /** Frames a second, at most, unless a recording says. */
  readonly fps: number;
  /** At least so often something is written while a picture is shown. */
  readonly stillMs: number;
  /** How long, and how much of one recording is kept. */
  readonly ageMs: number;
  readonly bytes: number;
  /** Between two tries to write. */
  readonly retryMs: number;
}

/** Makes what records. See recordings.ts for what it promises. */
export function createRecordings(parts: RecordingsParts): Recordings {
  const { log, settings } = parts;
  const opened = new Map<StreamKey, ReturnType<typeof openRecording>>();
  const survey = createSurvey(log);
  const retention = { maxAge: settings.ageMs, maxBytes: settings.bytes };
  const at: Recordings['at'] = (key, time) => shownAt(log, key, time, opened.get(key)?.running !== undefined);
  return {
    open(request) {
      const { key } = request;
      if (opened.has(key)) throw new TypeError('That recording is open already.');
      const closed = (): void => void opened.delete(key);
      const recording = openRecording({ ...parts, ...settings, retention, closed }, request);
      opened.set(key, recording);
      return recording;
    },
    about: survey,
    at,
    play: (key, span) => play(log, key, span, (time) => at(key, time)),
    settle: (key) => endRecording(parts, key, 'lost'),
    async delete(key) {
      if (opened.get(key)?.running !== undefined)
        throw new PlayheadError('conflict', 'It is recorded just now: switch that off before.');
      return log.delete(key);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...opened.values()].map((recording) => recording.stop()));
    },
  };
}
