import { join } from 'node:path';
import type { Frames } from '../../frames/frames.ts';
import type { Recordings } from '../../frames/recordings.ts';
import type { Egress } from '../../outgoing/egress.ts';
import { createSessionKind } from '../../sessions/session-kind.ts';
import type { Executor } from '../executor.ts';
import type { Exporter } from '../recording-export.ts';
import type { Producer, ProducerContext } from '../producer.ts';
import { mountActions } from './action-routes.ts';
import type { Browsers } from './browser.ts';
import { mountComputers } from './computer-routes.ts';
import { createComputerStore, KIND } from './computer-store.ts';
import { computerContexts } from './context-source.ts';
import { createContexts } from './contexts.ts';
import { endpointsAt } from './endpoints.ts';
import { mountEvents } from './event-route.ts';
import { mountExec } from './exec-routes.ts';
import { forgetComputers } from './forget-computers.ts';
import { frameWatching } from './frame-watching.ts';
import { createLiveComputers } from './live-computers.ts';
import { mountNotServed } from './not-served-routes.ts';
import { mountPictures } from './picture-route.ts';
import { createPictures } from './pictures.ts';
import { mountComputerRecording } from './recording-face.ts';
import { mountScreencast } from './screencast-route.ts';
import { computerSearch } from './search-rule.ts';
import type { ComputerSettings } from './settings.ts';
import { settleComputers } from './settle-computers.ts';
import { computerSocket } from './socket-face.ts';
import { mountSocketHint } from './socket-route.ts';
import { waypointSocket } from './waypoint-face.ts';

export interface ComputersParts extends ProducerContext {
  readonly browsers: Browsers;
  /** Null: browsers reach the network without a guard. */
  readonly egress: Egress | null;
  readonly executor: Executor;
  readonly frames: Frames;
  readonly recordings: Recordings;
  readonly exporter: Exporter;
  /** Where callers reach the server, without a slash at the end; asked when an answer is made. */
  readonly publicUrl: () => string;
  readonly settings: ComputerSettings;
}

/** How often it is looked for what may be forgotten, ms. */
const FORGET_EVERY_MS = 3_600_000;
/** How long the end of the server waits for the ends of computers, ms. */
const CLOSE_MS = 10_000;

/** Computers: real browsers that callers drive and watch. Its face is `/v1/computers…`, and the same without `/v1`. */
export function createComputers(parts: ComputersParts): Producer {
  const { log, hub, records, clock, logger, settings, browsers, recordings, publicUrl } = parts;
  const store = createComputerStore(records);
  const live = createLiveComputers(settings);
  const contexts = createContexts({
    folder: join(settings.folder, 'contexts'),
    records,
    now: () => clock.now(),
    most: settings.maxContexts,
  });
  const pictures = createPictures({
    folder: join(settings.folder, 'pictures'),
    ...{ records, clock, logger, settings },
  });
  const sessions = createSessionKind({
    ...{ kind: KIND, log, hub, records, clock, logger, limits: settings },
    async settle(running) {
      const settling = { log, running, store, browsers, clock, logger, settings, recordings };
      const settled = await settleComputers(settling);
      await browsers.sweep();
      return settled;
    },
  });
  const shell = { executor: parts.executor, toldBytes: settings.shell.outputBytes };
  const limits = { waitMs: settings.maxWaitMs, shell: settings.shell };
  const find = { live, store, log };
  const acting = {
    ...{ clock, logger, pictures, shell, limits },
    actionMs: settings.actionMs,
    publicUrl: (path: string) => publicUrl() + path,
  };
  const making = {
    ...{ sessions: sessions.parts, hub, store, contexts, live, browsers, clock, logger, settings },
    ...{ egress: parts.egress, frames: parts.frames, recordings },
    draining: () => sessions.draining,
  };
  let forgetting: Disposable | undefined;

  async function forget(): Promise<void> {
    try {
      await forgetComputers({ log, store, contexts, recordings }, clock.now() - settings.keepMs);
    } catch (error) {
      logger.error({ error }, 'old computers could not be forgotten; this is tried again');
    }
  }

  return {
    kind: KIND,
    searched: computerSearch,
    contextSource: computerContexts(store),
    async settle() {
      await pictures.open();
      await sessions.settle();
      forgetting = clock.every(FORGET_EVERY_MS, () => void forget());
    },
    mount(router, sockets) {
      mountComputers(router, { ...making, log, endpoints: endpointsAt(publicUrl) });
      mountActions(router, { ...acting, live });
      mountExec(router, { live, shell, limits: settings.shell, clock, logger });
      mountEvents(router, { ...find, sse: parts.sse });
      mountScreencast(router, { live, sse: parts.sse });
      mountComputerRecording(router, { live, store, recordings, exporter: parts.exporter });
      mountSocketHint(router);
      sockets.serve(computerSocket({ ...find, ...acting, extras: frameWatching(clock) }));
      sockets.serve(waypointSocket({ ...making, ...acting }));
      mountPictures(router, pictures);
      mountNotServed(router);
    },
    async [Symbol.asyncDispose]() {
      forgetting?.[Symbol.dispose]();
      const unfinished = await sessions.close(() => live.empty(), CLOSE_MS);
      if (unfinished > 0)
        logger.warn({ unfinished }, 'computers without an ending; the next start settles them');
      await pictures[Symbol.asyncDispose]();
    },
  };
}
