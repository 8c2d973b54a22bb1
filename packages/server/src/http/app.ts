import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PlayheadError } from '@playhead/protocol';
import type { Gate, Standings } from '../access/gate.ts';
import type { Principal } from '../access/principal.ts';
import { addressList } from '../runtime/address.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { createCallers } from './callers.ts';
import { checkAccess } from './check-access.ts';
import { answerClientError } from './client-error.ts';
import { cors as createCors } from './cors.ts';
import type { Reply } from './exchange.ts';
import { health } from './health.ts';
import { hostCheck } from './host-check.ts';
import { LiveExchange } from './live-exchange.ts';
import { requestId } from './request-id.ts';
import { requestPath } from './request-path.ts';
import { routeTable } from './route-table.ts';
import type { Route, Router } from './router.ts';
import { isGone, sendError, sendReply, toError } from './send.ts';
import { createUpgradeGate } from './upgrade-gate.ts';
import type { UpgradeRouter } from './upgrade.ts';

/** What the app is made of. */
export interface HttpParts {
  readonly gate: Gate & Standings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HttpSettings;
  /** Whether `/health/ready` says yes, as long as the app is not draining. Default: always. */
  ready?(): boolean;
}

export interface HttpSettings {
  /** Host names answered to, besides the loopback names (D-20). */
  readonly allowedHosts: readonly string[];
  /** Where browsers reach the server, if not at the address it listens on. */
  readonly publicUrl?: string;
  /** Origins whose pages may read answers (D-37). */
  readonly allowedOrigins: '*' | readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Bytes of body that a route accepts unless it says otherwise. */
  readonly bodyLimit: number;
  /** How long a request's head may take, ms. */
  readonly headTimeoutMs: number;
  /** How long a whole request may take to arrive, ms. Answers may take as long as they like. */
  readonly bodyTimeoutMs: number;
  /** How long an idle connection is kept, ms. */
  readonly keepAliveMs: number;
}

/** Where the app listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** With a loopback name in place of a wildcard address. */
  readonly url: string;
}

export interface HttpApp extends Router, UpgradeRouter, AsyncDisposable {
  /**
   * Listens; port 0 is an ephemeral one. Called again, the same paths are served there too. Rejects with the
   * system's error if the address cannot be had.
   */
  listen(address: { readonly host: string; readonly port: number }): Promise<Listening>;
  /**
   * From now on, requests are answered with 503 and `Retry-After`, and idle connections are closed. Resolves
   * when no connection is left: exchanges under way and sockets handed over end by themselves, or are ended by
   * whoever owns them.
   */
  drain(): Promise<void>;
  /** Stops listening and cuts what is still connected. */
  close(): Promise<void>;
}

/** How often a draining app looks for connections that have become idle, ms. */
const DRAIN_LOOK_MS = 20;

/**
 * The HTTP server: checks path, host and credential of every request, in that order, and hands it to the route
 * that was found. The route that is authenticated for is the very route that runs.
 *
 *   request → path → health? → drain? → Host → CORS → route → who? → scope → rate → handler → answer
 */
export function createHttpApp(parts: HttpParts): HttpApp {
  const { gate, clock, logger, settings } = parts;
  const table = routeTable();
  const isAllowedHost = hostCheck(settings);
  const cors = createCors(settings.allowedOrigins);
  const trustedProxies =
    settings.trustedProxies.length === 0 ? undefined : addressList(settings.trustedProxies);
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const callers = createCallers(gate, clock);
  let draining = false;

  const ready = (): boolean => !draining && (parts.ready?.() ?? true);
  const upgradeGate = createUpgradeGate({
    table,
    gate,
    clock,
    logger,
    isAllowedHost,
    trustedProxies,
    isDraining: () => draining,
    callers,
  });

  function take(request: IncomingMessage, response: ServerResponse): void {
    const exchange = new LiveExchange(requestId(), request.url ?? '', request, response, trustedProxies);
    try {
      begin(exchange);
    } catch (thrown) {
      fail(exchange, thrown);
    }
  }

  function begin(exchange: LiveExchange): void {
    const { request } = exchange;
    const method = request.method ?? '';
    const path = requestPath(request.url ?? '');
    exchange.path = path;
    const probe = health(path, ready);
    if (probe !== undefined && (method === 'GET' || method === 'HEAD')) return answer(exchange, probe);
    if (draining) throw new PlayheadError('draining', 'The server is going away. Try again.');
    if (!isAllowedHost(request.headers.host)) {
      throw new PlayheadError('misdirected-host', 'The Host header is not one that this server answers for.');
    }
    const { origin } = request.headers;
    if (origin !== undefined) exchange.cors = cors.headers(origin);
    if (method === 'OPTIONS') return answerOptions(exchange);

    const found = table.find(method, path);
    if (found === undefined) throw notFound(path);
    const route = found.store;
    exchange.params = found.params;
    exchange.bodyLimit = route.bodyLimit ?? settings.bodyLimit;
    if (route.access === 'public') return run(exchange, route);
    const who = gate.identify(exchange);
    if (who instanceof Promise) {
      who
        .then((principal) => admit(exchange, route, principal))
        .catch((thrown: unknown) => fail(exchange, thrown));
    } else admit(exchange, route, who);
  }

  function admit(exchange: LiveExchange, route: Route, principal: Principal | undefined): void {
    checkAccess({ access: route.access, params: exchange.params, upgrade: false }, principal);
    if (principal !== undefined) {
      exchange.principal = principal;
      callers.came(exchange.request.socket, principal, exchange.bareResponse);
      const allowance = gate.spend(principal);
      if (route.allowance !== 'silent') exchange.allowance = allowance;
      if (!allowance.allowed) {
        throw new PlayheadError('rate-limited', 'The key has used up its rate. Slow down.', {
          extensions: { retry_after: allowance.retryAfter },
        });
      }
    }
    run(exchange, route);
  }

  function run(exchange: LiveExchange, route: Route): void {
    const result = route.handle(exchange);
    if (result instanceof Promise) {
      result.then(
        (reply) => {
          if (reply !== undefined) answer(exchange, reply);
        },
        (thrown: unknown) => fail(exchange, thrown),
      );
    } else if (result !== undefined) answer(exchange, result);
  }

  function answer(exchange: LiveExchange, reply: Reply): void {
    if (isGone(exchange.bareResponse)) return;
    try {
      sendReply(exchange, reply, draining);
    } catch (thrown) {
      // A reply that cannot be written: a value that is no JSON, a header with a line break in it.
      fail(exchange, thrown);
    }
  }

  function fail(exchange: LiveExchange, thrown: unknown): void {
    const error = toError(thrown);
    if (error.code === 'internal') {
      logger.error({ request_id: exchange.id, err: error.cause ?? error }, 'request failed');
    }
    if (isGone(exchange.bareResponse)) return;
    sendError(exchange, error, clock.now(), draining);
  }

  function notFound(path: string): PlayheadError {
    const allow = allowed(path);
    if (allow.length > 0) {
      return new PlayheadError('method-not-allowed', `This path takes ${allow.join(', ')}.`, {
        extensions: { allow },
      });
    }
    if (table.findUpgrade(path) !== undefined) {
      return new PlayheadError('upgrade-required', 'This path speaks WebSocket: send an upgrade request.');
    }
    return new PlayheadError('not-found', 'There is nothing at this path.');
  }

  function allowed(path: string): string[] {
    const methods = table.methods(path);
    return methods.length === 0 ? methods : [...methods, 'OPTIONS'];
  }

  function answerOptions(exchange: LiveExchange): void {
    const { headers } = exchange.request;
    const methods = allowed(exchange.path);
    if (methods.length === 0) throw notFound(exchange.path);
    if (headers['access-control-request-method'] === undefined) {
      return answer(exchange, { status: 204, headers: { Allow: methods.join(', ') } });
    }
    exchange.cors = cors.preflight(headers, methods);
    answer(exchange, { status: 204 });
  }

  function createNodeServer(): Server {
    const server = createServer(
      {
        headersTimeout: settings.headTimeoutMs,
        requestTimeout: settings.bodyTimeoutMs,
        keepAliveTimeout: settings.keepAliveMs,
        // How late a time-out may be noticed.
        connectionsCheckingInterval: Math.min(1_000, settings.headTimeoutMs),
        noDelay: true,
        // Other protocols (h2c) are not spoken: their requests are answered as HTTP/1.1.
        shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
      },
      take,
    );
    server.on('upgrade', (request, socket, head) => void upgradeGate(request, socket, head));
    server.on('clientError', answerClientError);
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        callers.left(socket);
      });
    });
    return server;
  }

  async function close(): Promise<void> {
    draining = true;
    callers[Symbol.dispose]();
    await Promise.all(
      servers.splice(0).map((server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  return {
    add: (route) => table.add(route),
    onUpgrade: (route) => table.addUpgrade(route),

    async listen({ host, port }) {
      table.compile();
      const server = createNodeServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      servers.push(server);
      server.on('error', (err) => logger.error({ err }, 'http server failed'));
      return describe(host, server.address() as AddressInfo);
    },

    async drain() {
      draining = true;
      while (sockets.size > 0) {
        // Node calls a connection idle once its answer was ended, though a slow reader may still have to get the
        // rest of it: closed then, the answer would be cut anywhere.
        if (sockets.values().every((socket) => socket.writableLength === 0)) {
          for (const server of servers) server.closeIdleConnections();
        }
        await new Promise<void>((resolve) => void clock.after(DRAIN_LOOK_MS, resolve));
      }
    },

    close,
    [Symbol.asyncDispose]: close,
  };
}

function describe(host: string, { port }: AddressInfo): Listening {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return { host, port, url: `http://${name}:${port}` };
}
