import type { Hub } from '../hub/hub.ts';
import type { Router } from '../http/router.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Records } from '../records/records.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SearchRule } from '../search/search.ts';
import type { SocketFaces } from '../transports/socket-face.ts';
import type { SseTransport } from '../transports/transport.ts';
import type { ContextSource } from './context-source.ts';

/**
 * A kind of source as the server sees it: a folder here and one line in server.ts. It opens sessions by itself,
 * when its own face is asked to; what a session is, is `sessions/session.ts`.
 *
 * The order of its life: `settle`, then `mount` and requests, then disposal, which ends every session that runs
 * and resolves when their endings are in the log. Log, hub and records outlive it.
 */
export interface Producer extends AsyncDisposable {
  /** First segment of the names of its streams. */
  readonly kind: string;
  /** What its streams say, for search. */
  readonly searched?: SearchRule;
  /** Its sessions as devices, whose pages are what their owners look at. */
  readonly contextSource?: ContextSource;
  /** Settles what a crash left behind, and makes what a fresh data folder has. Before the first request. */
  settle(): Promise<void>;
  /** Adds the face: its routes, and what it says on WebSocket. */
  mount(router: Router, sockets: SocketFaces): void;
}

/** What every producer may use, besides what it asks for itself. */
export interface ProducerContext {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly records: Records;
  readonly sse: SseTransport;
  readonly clock: Clock;
  readonly logger: Logger;
}
