import { createEgress } from '../../packages/server/src/outgoing/proxy/create-egress.ts';
import { createGuard } from '../../packages/server/src/outgoing/create-guard.ts';
import { systemClock } from '../../packages/server/src/runtime/clock.ts';
import { networkList } from '../../packages/server/src/runtime/network-list.ts';

/** The way out that cameras have, where every name is this machine: a proxy's URL with its credentials. */
export interface WayOut extends AsyncDisposable {
  readonly proxy: string;
  /** Hosts that were refused. */
  readonly refused: readonly string[];
}

/** `ports`: where on this machine it may lead; nowhere else. */
export async function openWayOut(...ports: readonly number[]): Promise<WayOut> {
  const refused: string[] = [];
  const guard = createGuard({
    clock: systemClock,
    allowPrivate: false,
    allowed: networkList(ports.map((port) => `127.0.0.1:${port}`)),
    resolveMs: 5_000,
    resolve: () => Promise.resolve(['127.0.0.1']),
  });
  const egress = createEgress({
    guard,
    clock: systemClock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    connectMs: 10_000,
    connections: 100,
  });
  const pass = await egress.open({ refused: ({ host, port }) => refused.push(`${host}:${port}`) });
  const { username, password } = pass.credentials;
  return {
    proxy: pass.server.replace('://', `://${username}:${password}@`),
    refused,
    [Symbol.asyncDispose]: () => egress[Symbol.asyncDispose](),
  };
}
