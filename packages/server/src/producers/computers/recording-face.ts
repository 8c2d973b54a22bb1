import { PlayheadError } from '@playhead/protocol';
import type { Recordings } from '../../frames/recordings.ts';
import type { Router } from '../../http/router.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { callerOf, parameter } from '../caller.ts';
import type { Exporter } from '../recording-export.ts';
import { mountRecording } from '../recording-routes.ts';
import { addRoute } from './both-prefixes.ts';
import { type ComputerStore, KIND } from './computer-store.ts';
import { runningComputer } from './find-computer.ts';
import type { LiveComputers } from './live-computers.ts';

export interface RecordingFaceParts {
  readonly live: LiveComputers;
  readonly store: ComputerStore;
  readonly recordings: Recordings;
  readonly exporter: Exporter;
}

/** The stream of what was recorded of a computer. */
export function recordingStream(tenant: string, id: string): StreamKey {
  return streamKey(tenant, `${KIND}/${id}/recording`);
}

/** `…/computers/{id}/recording`. It outlives its computer, for as long as anything is retained. */
export function mountComputerRecording(
  router: Router,
  { live, store, recordings, exporter }: RecordingFaceParts,
): void {
  mountRecording({
    ...{ recordings, exporter },
    read: 'computers:read',
    control: 'computers:control',
    add: (route) => addRoute(router, { ...route, path: `/:id${route.path}` }),
    async find(exchange) {
      const { tenant } = callerOf(exchange);
      const id = parameter(exchange, 'id');
      const recording = live.get(tenant, id)?.recording;
      if (recording === undefined && (await store.get(tenant, id)) === undefined)
        throw new PlayheadError('not-found', 'There is no such computer.');
      return { key: recordingStream(tenant, id), recording };
    },
    async turn(exchange, wish) {
      const computer = runningComputer(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
      if (wish === null) await computer.recording.off();
      else await computer.recording.on(wish);
    },
  });
}
