import { jsonLine, PlayheadError } from '@playhead/protocol';
import type { Router } from '../../http/router.ts';
import type { SseFace, SseTransport } from '../../transports/transport.ts';
import { parameter } from '../caller.ts';
import { GLOBAL_CHANNEL } from './channel-name.ts';
import type { Channels } from './channels.ts';
import type { Presence } from './presence.ts';
import { userOf } from './request-user.ts';

export interface PresenceRouteParts {
  readonly presence: Presence;
  readonly channels: Channels;
  readonly sse: SseTransport;
}

const READ = { scope: 'contexts:read' } as const;

/** `/api/v1/presence`: who is connected with which devices, and with `Accept: text/event-stream` each change of it. */
export function mountPresence(router: Router, { presence, channels, sse }: PresenceRouteParts): void {
  router.add({
    method: 'GET',
    path: '/api/v1/presence',
    access: READ,
    async handle(exchange) {
      const { tenant, user } = userOf(exchange);
      if (exchange.request.headers.accept?.includes('text/event-stream') !== true)
        return { body: presence.of(tenant, user) };
      const key = await presence.watch(tenant, user);
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
}

/** First who is connected, then each change. */
const presenceFace: SseFace = {
  preamble: () => '',
  encode: ({ events }) =>
    events.map(({ data }) => (typeof data === 'string' ? `event: presence\ndata: ${data}\n\n` : '')).join(''),
  heartbeat: () => ': heartbeat\n\n',
  epilogue: () => '',
};
