import { jsonLine, PlayheadError } from '@playhead/protocol';
import type { Standings } from '../../access/gate.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseFace, SseTransport } from '../../transports/transport.ts';
import { callerOf, parameter } from '../caller.ts';
import { GLOBAL_CHANNEL } from './channel-name.ts';
import type { Channels } from './channels.ts';
import type { Presence } from './presence.ts';
import { userOf } from './request-user.ts';

export interface PresenceRouteParts {
  readonly presence: Presence;
  readonly channels: Channels;
  readonly sse: SseTransport;
  readonly standings: Standings;
  readonly clock: Clock;
  /** How often those who watch are looked at, ms. */
  readonly checkMs: number;
}

const READ = { scope: 'contexts:read' } as const;

/**
 * `/api/v1/presence`: who is connected with which devices, and with `Accept: text/event-stream` each change of it, for as
 * long as the credential counts. Disposing ends only the looking after that.
 */
export function mountPresence(
  router: Router,
  { presence, channels, sse, standings, clock, checkMs }: PresenceRouteParts,
): Disposable {
  const watching = new Set<Exchange>();
  const looking = clock.every(checkMs, () => {
    for (const exchange of watching)
      if (standings.standing(callerOf(exchange)).kind !== 'valid') exchange.response.destroy();
  });

  router.add({
    method: 'GET',
    path: '/api/v1/presence',
    access: READ,
    async handle(exchange) {
      const { tenant, user } = userOf(exchange);
      if (exchange.request.headers.accept?.includes('text/event-stream') !== true)
        return { body: presence.of(tenant, user) };
      const key = await presence.watch(tenant, user);
      watching.add(exchange);
      exchange.response.once('close', () => watching.delete(exchange));
      const preamble = (): string => `event: snapshot\ndata: ${jsonLine(presence.of(tenant, user))}\n\n`;
      await sse.respond(exchange, { key, from: 'live', delivery: 'every', face: presenceFace, preamble });
      return undefined;
    },
  });
  router.add({
    method: 'GET',
    path: '/api/v1/channels/:channel/presence',
    access: READ,
    async handle(exchange) {
      const { tenant, user } = userOf(exchange);
      const channel = parameter(exchange, 'channel');
      const found = channel === GLOBAL_CHANNEL ? undefined : await channels.open({ tenant, user }, channel);
      if (found === undefined) throw new PlayheadError('not-found', 'There is no such channel.');
      return { body: { channel, users: presence.hearing(tenant, user, channel) } };
    },
  });

  return looking;
}

/** First who is connected, then each change. */
const presenceFace: SseFace = {
  preamble: () => '',
  encode: ({ events }) =>
    events.map(({ data }) => (typeof data === 'string' ? `event: presence\ndata: ${data}\n\n` : '')).join(''),
  heartbeat: () => ': heartbeat\n\n',
  epilogue: () => '',
};
