import type { Reply } from './exchange.ts';

/**
 * The health endpoints. They answer whoever asks, under any Host, and while the server drains: a load balancer
 * has neither key nor name.
 */
export function health(path: string, ready: () => boolean): Reply | undefined {
  switch (path) {
    case '/health':
    case '/health/live':
      return LIVE;
    case '/ready':
    case '/health/ready':
      return ready() ? READY : NOT_READY;
    default:
      return undefined;
  }
}

const LIVE: Reply = { body: { status: 'ok' } };
const READY: Reply = { body: { status: 'ready' } };
const NOT_READY: Reply = { status: 503, headers: { 'Retry-After': '1' }, body: { status: 'not-ready' } };
