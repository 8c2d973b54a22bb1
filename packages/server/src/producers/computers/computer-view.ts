import type { ComputerRecord } from './computer-store.ts';

/** One word for where a computer is: `ready` until the first action, then `running`. */
export type ComputerStatus = 'ready' | 'running' | 'terminated';

/** What is true of a computer now, besides what is recorded. */
export interface ComputerNow {
  readonly status: ComputerStatus;
  /** ms since 1970. */
  readonly lastActivityAt: number;
}

/** Where a computer's interfaces are, by their names. */
export type Endpoints = (id: string) => Readonly<Record<string, string>>;

/** The documented ComputerStatus; members of ours are `ending`, `ended_at`, `context_id` and `persistent`. */
export function statusView(computer: ComputerRecord, now: ComputerNow): Readonly<Record<string, unknown>> {
  const { id, createdAt, idleMs, idleEnabled, lifetimeMs, context, ended } = computer;
  return {
    id,
    status: now.status,
    created_at: iso(createdAt),
    expires_at: iso(createdAt + lifetimeMs),
    ...(idleEnabled ? { idle_expires_at: iso(now.lastActivityAt + idleMs) } : {}),
    last_activity_at: iso(now.lastActivityAt),
    max_lifetime_seconds: seconds(lifetimeMs),
    inactivity_timeout_seconds: seconds(idleMs),
    auto_kill: idleEnabled,
    idle_timeout_enabled: idleEnabled,
    persistent: context !== null,
    ...(context === null ? {} : { context_id: context }),
    ...(ended === undefined ? {} : { ended_at: iso(ended.at), ending: ended.ending }),
  };
}

/** The documented ComputerResponse. */
export function computerView(
  computer: ComputerRecord,
  now: ComputerNow,
  endpoints: Endpoints,
): Readonly<Record<string, unknown>> {
  return { kind: 'browser', ...statusView(computer, now), endpoints: endpoints(computer.id) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

// The documented types are whole numbers. Settings may shorten them below a second.
function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
