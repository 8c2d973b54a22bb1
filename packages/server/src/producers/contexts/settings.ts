import type { Settings } from '../../runtime/settings.ts';
import type { MessageLimits } from './client-message.ts';
import type { RuleSettings } from './connection-rules.ts';
import type { ConnectionLimits } from './connections.ts';
import type { RateRule } from './message-rate.ts';

/** What this producer bears. Times are ms. */
export interface ContextSettings {
  readonly rules: RuleSettings;
  readonly limits: MessageLimits;
  readonly connections: ConnectionLimits;
  readonly rate: RateRule;
  readonly checkMs: number;
  /** How often clients are told to say something. */
  readonly heartbeatInterval: number;
  readonly idleMs: number;
}

/** Messages in one sync. */
const SYNCS = 500;

export function contextSettings(settings: Settings): ContextSettings {
  const { contextsFloodMs: floodMs, contextsSilenceMs: silenceMs, contextsChannels: channels } = settings;
  return {
    rules: { channels, authMs: settings.contextsAuthMs, graceMs: settings.contextsGraceMs, silenceMs },
    limits: { channels, syncs: SYNCS },
    connections: {
      perUser: settings.contextsUserConnections,
      anonymous: settings.contextsAnonymous,
      userRate: { perSecond: settings.contextsUserRate, floodMs },
    },
    rate: { perSecond: settings.contextsMessageRate, floodMs },
    checkMs: settings.contextsCheckMs,
    // Twice within the time with a sixth of it to spare: 25 s of 60, as documented.
    heartbeatInterval: Math.floor((silenceMs * 5) / 12),
    idleMs: settings.contextsIdleMs,
  };
}
