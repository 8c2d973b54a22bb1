import { randomUUID } from 'node:crypto';
import { jsonLine } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';
import type { BroadcastEvent } from './sync-message.ts';

/** An event of a channel that several users hear. `user`: who said it; null: the operator of the server. */
export function sharedEvent(
  channel: string,
  user: string | null,
  { payload, source = {} }: BroadcastEvent,
  now: number,
): LogEvent {
  const id = `evt_${randomUUID().replaceAll('-', '')}`;
  const timestamp = new Date(now).toISOString();
  return {
    type: payload.kind,
    data: jsonLine({ id, timestamp, userId: user, channelId: channel, source, payload }),
  };
}
