import { PlayheadError } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { addRoute } from './both-prefixes.ts';
import { computerView, type Endpoints, statusView } from './computer-view.ts';
import { type CreateParts, startComputer } from './create-computer.ts';
import { readWish } from './create-input.ts';
import { type FindParts, type FoundComputer, findComputer, runningComputer } from './find-computer.ts';

export interface ComputerRouteParts extends CreateParts, FindParts {
  readonly endpoints: Endpoints;
}

/** How long `DELETE` waits for the end, ms; it goes on without. */
const PATIENCE_MS = 10_000;
/** A list has no pages, so it has an end. */
const MOST = 1000;

const READ = { scope: 'computers:read' } as const;
const CONTROL = { scope: 'computers:control' } as const;

/** Making, listing, showing, keeping alive and ending computers. */
export function mountComputers(router: Router, parts: ComputerRouteParts): void {
  const { live, store, settings, clock, endpoints } = parts;
  const find = (exchange: Exchange): Promise<FoundComputer> =>
    findComputer(parts, callerOf(exchange).tenant, parameter(exchange, 'id'));

  async function create(exchange: Exchange): Promise<Reply> {
    const wish = readWish(await exchange.json(), settings);
    const { record, now } = await startComputer(parts, callerOf(exchange), wish);
    return { status: 200, body: computerView(record, now, endpoints) };
  }

  async function list(exchange: Exchange): Promise<Reply> {
    const { tenant } = callerOf(exchange);
    const type = exchange.query.get('type') ?? 'live';
    switch (type) {
      case 'live':
        return { body: live.of(tenant).map(({ record, now }) => computerView(record, now, endpoints)) };
      case 'persistent': {
        const kept = (await store.withContext(tenant)).slice(0, MOST);
        return {
          body: kept.map((record) => {
            const now = live.get(tenant, record.id)?.now ?? {
              status: 'terminated' as const,
              lastActivityAt: record.ended?.lastActivityAt ?? record.createdAt,
            };
            return computerView(record, now, endpoints);
          }),
        };
      }
      default:
        throw new PlayheadError('invalid-request', 'type: must be live or persistent', {
          extensions: { field: 'type' },
        });
    }
  }

  // Again and again 204: that it is over is what was wanted.
  async function end(exchange: Exchange): Promise<Reply> {
    const { computer } = await find(exchange);
    if (computer !== undefined) {
      computer.session.stop({ kind: 'stopped', by: callerOf(exchange).keyId });
      const { promise: tooLong, resolve } = Promise.withResolvers<void>();
      using _timer = clock.after(PATIENCE_MS, resolve);
      // Until all of it is gone: who terminates one to have another must find its place and its profile free.
      await Promise.race([computer.gone, tooLong]);
    }
    return { status: 204 };
  }

  async function keepAlive(exchange: Exchange): Promise<Reply> {
    const computer = runningComputer(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
    computer.renew();
    return { body: statusView(computer.record, computer.now) };
  }

  addRoute(router, { method: 'POST', path: '', access: CONTROL, handle: create });
  addRoute(router, { method: 'GET', path: '', access: READ, handle: list });
  addRoute(router, {
    method: 'GET',
    path: '/:id',
    access: READ,
    async handle(exchange) {
      const { record, now } = await find(exchange);
      return { body: computerView(record, now, endpoints) };
    },
  });
  addRoute(router, {
    method: 'GET',
    path: '/:id/status',
    access: READ,
    async handle(exchange) {
      const { record, now } = await find(exchange);
      return { body: statusView(record, now) };
    },
  });
  addRoute(router, { method: 'DELETE', path: '/:id', access: CONTROL, handle: end });
  addRoute(router, { method: 'POST', path: '/:id/keepalive', access: CONTROL, handle: keepAlive });
}
