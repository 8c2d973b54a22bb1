import { PlayheadError, type Position, parsePosition, type Receipt } from '@playhead/protocol';
import { allows } from '../../access/principal.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseTransport } from '../../transports/transport.ts';
import { isCommandId, isOwnId } from './command-id.ts';
import type { CommandRecord, CommandStore } from './command-store.ts';
import { commandFace, connected } from './event-face.ts';
import type { Projects } from './projects.ts';
import { commandStream } from './start-command.ts';

export interface EventRouteParts {
  readonly projects: Projects;
  readonly store: CommandStore;
  readonly log: EventLog;
  readonly sse: SseTransport;
  readonly clock: Clock;
  /** How long after its end a stream is open to whoever knows its id, ms. */
  readonly openForMs: number;
}

/** `GET /projects/{id}/events?stream_id=`: a command's stream on Server-Sent Events. */
export function mountEvents(router: Router, parts: EventRouteParts): void {
  router.add({
    method: 'GET',
    path: '/projects/:id/events',
    access: 'optional',
    async handle(exchange) {
      const command = await commandOf(exchange, parts);
      const { id, project, tenant } = command;
      const key = commandStream(tenant, id);
      const cursor = await cursorOf(exchange, key, parts.log);
      await parts.sse.respond(exchange, {
        key,
        from: cursor.from,
        delivery: 'every',
        face: commandFace,
        preamble: (receipt, again) => {
          const reconnecting = cursor.requested !== null;
          const about = again ? receipt : cursor.receipt(receipt);
          return connected(about, { project, stream_id: id, reconnecting });
        },
      });
      return undefined;
    },
  });
}

/**
 * The command whose stream is asked for, if the caller may read it (CM-21, CM-22, D-18): with a key of its tenant
 * that may read projects; without one only by an id that the server made, until an hour after the end. What does
 * not exist and what is another's are told alike.
 */
async function commandOf(exchange: Exchange, parts: EventRouteParts): Promise<CommandRecord> {
  const { principal } = exchange;
  const project = exchange.params['id'] ?? '';
  const id = exchange.query.get('stream_id') ?? '';
  if (principal === undefined) return openCommand(project, id, parts);
  if (!allows(principal, 'projects:read')) {
    throw new PlayheadError('forbidden', 'The key does not have the scope projects:read.');
  }
  await parts.projects.require(principal.tenant, project);
  if (id === '') {
    throw new PlayheadError('invalid-request', 'stream_id: is missing', {
      extensions: { field: 'stream_id' },
    });
  }
  const command = isCommandId(id) ? await parts.store.get(principal.tenant, id) : undefined;
  if (command?.project !== project) throw notThere();
  return command;
}

async function openCommand(project: string, id: string, parts: EventRouteParts): Promise<CommandRecord> {
  // The same answer whether there is such a stream or not: ids that callers choose can be guessed.
  if (!isOwnId(id)) throw new PlayheadError('unauthenticated', 'A key is needed.');
  const command = await parts.store.open(id);
  if (command?.project !== project) throw notThere();
  if (command.ended !== undefined && parts.clock.now() > command.ended.at + parts.openForMs) {
    throw new PlayheadError('unauthenticated', 'The command ended long ago: now a key is needed.');
  }
  return command;
}

function notThere(): PlayheadError {
  return new PlayheadError('stream-not-found', 'There is no such stream.');
}

interface Cursor {
  readonly from: Position | 'start';
  /** What the reader named, or null. */
  readonly requested: string | null;
  /** What it is told of it. */
  receipt(receipt: Receipt): Receipt;
}

/** No token is longer, and a longer one is not repeated. */
const SHOWN = 64;

/**
 * Where a reader goes on: behind its Last-Event-ID, or what the query calls so. One that this stream never gave,
 * or that is no longer retained, replays from the oldest (D-7), and the receipt says so.
 */
async function cursorOf(exchange: Exchange, key: StreamKey, log: EventLog): Promise<Cursor> {
  const header = exchange.request.headers['last-event-id'];
  const { query } = exchange;
  const text =
    (typeof header === 'string' ? header : null) ?? query.get('last_event_id') ?? query.get('after') ?? '';
  if (text === '') return { from: 'start', requested: null, receipt: (receipt) => receipt };
  const requested = text.slice(0, SHOWN);
  if (text === 'start')
    return { from: 'start', requested, receipt: (receipt) => ({ ...receipt, requested }) };
  const position = parsePosition(text);
  if (position === undefined) return fromOldest(requested, null);
  const slice = await log.read(key, position, { events: 1, bytes: 1 });
  // Ahead of the latest counts as lost, and then nothing is known to be missing or not.
  if (slice.kind === 'lost') return fromOldest(requested, slice.missed === 0 ? null : slice.missed);
  return { from: position, requested, receipt: (receipt) => receipt };
}

function fromOldest(requested: string, missed: number | null): Cursor {
  return { from: 'start', requested, receipt: (receipt) => ({ ...receipt, requested, missed, gap: true }) };
}
