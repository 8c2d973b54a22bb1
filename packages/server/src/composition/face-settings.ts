import type { HttpSettings } from '../http/app.ts';
import type { Settings } from '../runtime/settings.ts';
import type { DurableParts } from '../streams/durable/durable-parts.ts';
import type { SocketSettings } from '../transports/websocket/socket-transport.ts';

export function httpSettings(settings: Settings): HttpSettings {
  const { publicUrl, ...rest } = settings;
  return publicUrl === undefined ? rest : { ...rest, publicUrl };
}

export function durableSettings({
  longPollMs,
  sseLifetimeMs,
  streamCache: cache,
}: Settings): Pick<DurableParts, 'longPollMs' | 'sseLifetimeMs' | 'cache'> {
  return { longPollMs, sseLifetimeMs, cache };
}

export function socketSettings(settings: Settings): SocketSettings {
  const { heartbeatMs, paceMs, socketSubscriptions, bodyLimit } = settings;
  return { heartbeatMs, paceMs, subscriptions: socketSubscriptions, messageBytes: bodyLimit };
}
