import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import type { Duplex } from 'node:stream';
import { PlayheadError } from '@playhead/protocol';
import type { Caller, Gate } from '../access/gate.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { callerAddress, isSecure, joined } from './caller-address.ts';
import type { Callers } from './callers.ts';
import { writeRawError } from './client-error.ts';
import { checkAccess } from './check-access.ts';
import type { HostCheck } from './host-check.ts';
import { queryOf } from './live-exchange.ts';
import { requestId } from './request-id.ts';
import { requestPath } from './request-path.ts';
import type { RouteTable } from './route-table.ts';
import { toError } from './send.ts';
import type { Upgrade, UpgradeRoute } from './upgrade.ts';

export interface UpgradeGateParts {
  readonly table: RouteTable;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isAllowedHost: HostCheck;
  readonly trustedProxies: BlockList | undefined;
  isDraining(): boolean;
  readonly callers: Callers;
}

/**
 * Takes requests to speak WebSocket through the same checks as any other request, and hands the socket to the
 * route's transport. A refusal is an HTTP answer in the shape of the path, so that clients see a status.
 */
export function createUpgradeGate(
  parts: UpgradeGateParts,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void> {
  const { table, gate, clock, logger, isAllowedHost, trustedProxies } = parts;

  return async (request, socket, head) => {
    const id = requestId();
    // Until a transport has taken the socket, nobody else listens; an unheard error would end the process.
    const ignore = (): void => void socket.destroy();
    socket.on('error', ignore);
    let path = '/';
    try {
      path = requestPath(request.url ?? '');
      if (parts.isDraining()) throw new PlayheadError('draining', 'The server is going away. Reconnect.');
      if (!isAllowedHost(request.headers.host)) {
        throw new PlayheadError(
          'misdirected-host',
          'The Host header is not one that this server answers for.',
        );
      }
      const found = table.findUpgrade(path);
      if (found === undefined) throw new PlayheadError('not-found', 'No WebSocket is served at this path.');
      const route = found.store;
      const query = queryOf(request.url ?? '');
      const caller = callerOf(request, query, route, trustedProxies);
      query.delete('ticket');
      query.delete('token');
      const principal = route.access === 'public' ? undefined : await gate.identify(caller);
      checkAccess({ access: route.access, params: found.params, upgrade: true }, principal);
      if (principal !== undefined && !gate.spend(principal).allowed) {
        throw new PlayheadError('rate-limited', 'The key has used up its rate. Slow down.');
      }
      if (principal !== undefined) parts.callers.came(socket, principal);
      socket.off('error', ignore);
      const upgrade: Upgrade = {
        id,
        request,
        socket,
        head,
        params: found.params,
        query,
        address: caller.address,
        principal,
      };
      await route.handle(upgrade);
    } catch (thrown) {
      const error = toError(thrown);
      if (error.code === 'internal')
        logger.error({ request_id: id, err: error.cause ?? error }, 'upgrade failed');
      if (socket.listenerCount('error') === 0) socket.on('error', ignore);
      writeRawError(socket, path, error, id, clock.now());
    }
  };
}

function callerOf(
  request: IncomingMessage,
  query: URLSearchParams,
  route: UpgradeRoute,
  trusted: BlockList | undefined,
): Caller {
  const headers = { ...request.headers };
  if (route.cookies === false) delete headers.cookie;
  return {
    method: 'GET',
    headers,
    address: callerAddress(
      request.socket.remoteAddress ?? '',
      joined(request.headers['x-forwarded-for']),
      trusted,
    ),
    secure: isSecure(request, trusted),
    ticket: query.get('ticket') ?? undefined,
    token: route.tokenInQuery === true ? (query.get('token') ?? undefined) : undefined,
  };
}
