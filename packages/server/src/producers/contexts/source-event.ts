import { jsonLine } from '@playhead/protocol';
import type { LogEvent } from '../../log/event-log.ts';
import type { UserChannel } from './channel-name.ts';
import type { Json, JsonObject } from './json-value.ts';
import type { Device, Operation, PrivacyLevel, TabId, TabPayload } from './sync-message.ts';

/**
 * The events of `contexts/{user}/source`: all that a user's devices said, in the order in which it was stored, after
 * privacy was applied. Everything that others see of a user is derived from these.
 */
export type SourceEvent =
  | (Said & {
      readonly kind: 'context';
      readonly operation: Operation;
      readonly context: JsonObject;
      /** With a deletion: all that was told of it is erased, so its tab must not tell it again. */
      readonly erased?: true;
    })
  | (Said & {
      readonly kind: 'tab';
      readonly change: TabChange;
      readonly tab: TabPayload;
      readonly level: PrivacyLevel;
    })
  | (Said & {
      readonly kind: 'broadcast';
      readonly channel: UserChannel;
      readonly payload: BroadcastPayload;
      readonly source?: JsonObject;
    });

export type TabChange = 'activated' | 'deactivated' | 'navigated' | 'closed';

export interface BroadcastPayload {
  readonly kind: string;
  readonly data?: Json;
  readonly context?: Json;
}

interface Said {
  /** The sender's name for it: the same again is the same message. */
  readonly message: string;
  /** When it happened, ms since 1970; never later than when it was stored. */
  readonly at: number;
  readonly from: Origin;
}

/** Which of the user's devices said it. */
export interface Origin {
  readonly device?: Device;
  readonly extensionId?: string;
}

export function sourceLogEvent(event: SourceEvent): LogEvent {
  const { kind, ...rest } = event;
  return { type: kind, data: jsonLine(rest) };
}

/** What a logged event says; undefined for one that was erased. Nobody else writes such streams. */
export function readSourceEvent({ type, data }: LogEvent): SourceEvent | undefined {
  return typeof data === 'string'
    ? ({ kind: type, ...(JSON.parse(data) as object) } as SourceEvent)
    : undefined;
}

/** A tab of one device. */
export function tabKey({ device, extensionId }: Origin, tab: TabId): string {
  return JSON.stringify([device?.id ?? extensionId ?? null, String(tab)]);
}
