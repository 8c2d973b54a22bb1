/**
 * One subscription's way from pending events to a worker that has dealt with them (P-267). Pure: `step` takes a state
 * and an input and gives the next state and what is to be done; `live-subscription.ts` does it.
 *
 *                pending                      answered 2xx,
 *   ┌──────┐  (generation + 1)   ┌────────┐   or callback      ┌──────┐
 *   │ idle │ ──────────────────▶ │ waking │ ─────────────────▶ │ held │
 *   └──────┘                     └────────┘                    └──────┘
 *      ▲                   failed │ ▲  │ written (pull-wake)     ▲  │
 *      │                          ▼ │  ▼                 claim   │  │ done, released, lease over
 *      │                     ┌─────────┐  ┌─────────┐            │  │
 *      │                     │ waiting │  │ offered │ ───────────┘  │
 *      │                     └─────────┘  └─────────┘               │
 *      │ nothing is pending                                         ▼
 *      └──────────────────────────────────── something is: waking, generation + 1
 *
 * An attempt that failed is made again with the same wake while that one's lease lasts, else with a new one; the wait
 * doubles from failure to failure. A claim is admitted in every state of a pull-wake subscription that has a wake.
 */
export interface Lifecycle {
  readonly kind: 'webhook' | 'pull-wake';
  readonly leaseMs: number;
  /** Counts wakes. */
  readonly generation: number;
  /** Attempts in a row that failed. */
  readonly failures: number;
  readonly phase: Phase;
}

/** `until` is when the lease ends, ms since 1970; null where none runs. */
export type Phase =
  | { readonly kind: 'idle' }
  /** The webhook is being called, or is to be called next; or the wake event is being written. */
  | { readonly kind: 'waking'; readonly wake: string; readonly until: number | null }
  /** An attempt failed; the next is at `retryAt`. There is no wake any more once its lease is over. */
  | {
      readonly kind: 'waiting';
      readonly wake: string | null;
      readonly until: number | null;
      readonly retryAt: number;
    }
  /** The wake event stands in the wake stream, and nobody has claimed it. */
  | { readonly kind: 'offered'; readonly wake: string }
  /** A worker has the lease. The receiver of a webhook has no name. */
  | { readonly kind: 'held'; readonly wake: string; readonly holder: string | null; readonly until: number };

export type Input =
  /** Streams may have moved. */
  | { readonly kind: 'moved' }
  /** The webhook is called now: its lease begins. */
  | { readonly kind: 'began'; readonly wake: string }
  /** How an attempt ended. `done`: the answer says that all that was sent is dealt with. */
  | { readonly kind: 'attempted'; readonly wake: string; readonly outcome: Outcome }
  /** Only if `claimable` says `yes`. */
  | { readonly kind: 'claim'; readonly worker: string }
  /** These two only if `isCurrent`. */
  | { readonly kind: 'ack'; readonly done: boolean }
  | { readonly kind: 'release' }
  /** Time has passed; see `deadlineOf`. */
  | { readonly kind: 'tick' }
  /** Whatever made attempts fail may be over: the next need not wait. */
  | { readonly kind: 'nudge' }
  /** The server has started: attempts died with the last process, and no worker could renew a lease meanwhile. */
  | { readonly kind: 'resume' };

export type Outcome = 'done' | 'accepted' | 'failed';

/** What a step looks at besides its input. */
export interface Surroundings {
  /** ms since 1970. */
  readonly now: number;
  /** Whether some stream has events behind its cursor. */
  readonly pending: boolean;
  /** The id of the next wake, unlike any before. */
  readonly freshWake: string;
  /** Of a wait, from -1 to 1. */
  readonly jitter: number;
  readonly retry: RetryTerms;
}

/** ms. */
export interface RetryTerms {
  readonly firstMs: number;
  readonly longestMs: number;
}

export type Effect =
  /** Something that a restart must know has changed: it is stored before what follows is done. */
  | 'save'
  /** Make an attempt for the current wake: call the webhook, or write the wake event. */
  | 'wake'
  /** The attempt under way is of no use any more. */
  | 'cancel';

export interface Step {
  readonly state: Lifecycle;
  readonly effects: readonly Effect[];
}

/** How far a wait may be off, as a part of it. */
const JITTER = 0.2;

export function newLifecycle(kind: Lifecycle['kind'], leaseMs: number): Lifecycle {
  return { kind, leaseMs, generation: 0, failures: 0, phase: { kind: 'idle' } };
}

export function step(state: Lifecycle, input: Input, around: Surroundings): Step {
  switch (input.kind) {
    case 'moved':
      return moved(state, around);
    case 'began':
      return began(state, input.wake, around.now);
    case 'attempted':
      return attempted(state, input.wake, input.outcome, around);
    case 'claim':
      return claim(state, input.worker, around);
    case 'ack':
      return input.done ? finish(state, around) : extend(state, around.now);
    case 'release':
      return finish(state, around);
    case 'tick':
      return tick(state, around);
    case 'nudge':
      return state.phase.kind === 'waiting' ? retry(state, state.phase, around) : quiet(state);
    case 'resume':
      return resume(state, around);
  }
}

/** When `tick` has something to do, ms since 1970; undefined: never. */
export function deadlineOf({ phase }: Lifecycle): number | undefined {
  switch (phase.kind) {
    case 'idle':
    case 'offered':
      return undefined;
    case 'waking':
      return phase.until ?? undefined;
    case 'waiting':
      return Math.min(phase.retryAt, phase.until ?? Number.POSITIVE_INFINITY);
    case 'held':
      return phase.until;
  }
}

/** The wake that callbacks, acks and releases may name; undefined while there is none. */
export function currentWake({ phase }: Lifecycle): string | undefined {
  return phase.kind === 'idle' ? undefined : (phase.wake ?? undefined);
}

/** Whether a request is for the current wake: the fence (P-277). */
export function isCurrent(state: Lifecycle, wake: unknown, generation: unknown): boolean {
  const current = currentWake(state);
  return current !== undefined && wake === current && generation === state.generation;
}

/** `held`: another worker has the lease. `nothing`: no stream has events behind its cursor. */
export function claimable({ phase }: Lifecycle, pending: boolean): 'yes' | 'held' | 'nothing' {
  if (phase.kind === 'held') return 'held';
  return pending ? 'yes' : 'nothing';
}

/** `failed` while an attempt that failed is to be made again. */
export function statusOf({ phase, failures }: Lifecycle): 'active' | 'failed' {
  return phase.kind === 'waiting' || (phase.kind === 'waking' && failures > 0) ? 'failed' : 'active';
}

function moved(state: Lifecycle, around: Surroundings): Step {
  switch (state.phase.kind) {
    case 'idle':
      return around.pending ? wakeAnew(state, around) : quiet(state);
    // What was pending went with its stream. The next event makes a new wake, since this one may have been looked at.
    case 'offered':
    case 'waiting':
      return around.pending ? quiet(state) : rest(state);
    case 'waking':
    case 'held':
      return quiet(state);
  }
}

function began(state: Lifecycle, wake: string, now: number): Step {
  const { phase } = state;
  if (phase.kind !== 'waking' || phase.wake !== wake || state.kind === 'pull-wake') return quiet(state);
  return quiet({ ...state, phase: { ...phase, until: now + state.leaseMs } });
}

function attempted(state: Lifecycle, wake: string, outcome: Outcome, around: Surroundings): Step {
  const { phase } = state;
  if (currentWake(state) !== wake) return quiet(state);
  // The worker called back, or claimed, before the attempt was answered. Only `done` is news then.
  if (phase.kind === 'held') return outcome === 'done' ? finish(state, around) : quiet(state);
  if (phase.kind !== 'waking') return quiet(state);
  switch (outcome) {
    case 'done':
      return finish(state, around);
    case 'failed':
      return fail(state, wake, phase.until, around);
    case 'accepted': {
      if (state.kind === 'webhook')
        return hold({ ...state, failures: 0 }, wake, null, phase.until ?? around.now + state.leaseMs);
      const offered: Lifecycle = { ...state, failures: 0, phase: { kind: 'offered', wake } };
      return around.pending ? saved(offered) : rest(offered);
    }
  }
}

function claim(state: Lifecycle, worker: string, around: Surroundings): Step {
  const until = around.now + state.leaseMs;
  const wake = currentWake(state);
  if (wake !== undefined) return hold(state, wake, worker, until);
  // Events that came a moment ago and woke nobody yet: this worker needs no wake event to know of them.
  return hold({ ...state, generation: state.generation + 1 }, around.freshWake, worker, until);
}

/** A sign of life. */
function extend(state: Lifecycle, now: number): Step {
  const { phase } = state;
  const until = now + state.leaseMs;
  switch (phase.kind) {
    case 'held':
    case 'waking':
      return quiet({ ...state, phase: { ...phase, until } });
    // The attempt failed for us, but evidently it reached a worker.
    case 'waiting':
      return phase.wake === null ? quiet(state) : hold({ ...state, failures: 0 }, phase.wake, null, until);
    case 'idle':
    case 'offered':
      return quiet(state);
  }
}

/** The wake is over: acknowledged, released or run out. */
function finish(state: Lifecycle, around: Surroundings): Step {
  const well = { ...state, failures: 0 };
  return around.pending ? wakeAnew(well, around) : rest(well);
}

function tick(state: Lifecycle, around: Surroundings): Step {
  const { phase } = state;
  const over = isOver(phase, around.now);
  switch (phase.kind) {
    case 'idle':
    case 'offered':
      return quiet(state);
    case 'held':
      return over ? finish(state, around) : quiet(state);
    case 'waking': {
      if (!over) return quiet(state);
      const { state: next } = around.pending ? fail(state, null, null, around) : rest(state);
      return { state: next, effects: ['cancel', 'save'] };
    }
    case 'waiting':
      if (around.now >= phase.retryAt) return retry(state, phase, around);
      return over ? saved({ ...state, phase: { ...phase, wake: null, until: null } }) : quiet(state);
  }
}

function isOver(phase: Phase, now: number): boolean {
  return 'until' in phase && phase.until !== null && now >= phase.until;
}

function retry(state: Lifecycle, phase: Phase & { kind: 'waiting' }, around: Surroundings): Step {
  const { wake } = phase;
  if (!around.pending) return rest(state);
  if (wake === null || isOver(phase, around.now)) return wakeAnew(state, around);
  // What is stored says that this attempt is due, so a restart makes it: nothing new to store.
  return { state: { ...state, phase: { kind: 'waking', wake, until: null } }, effects: ['wake'] };
}

function resume(state: Lifecycle, around: Surroundings): Step {
  const { phase } = state;
  const until = around.now + state.leaseMs;
  switch (phase.kind) {
    case 'waking':
      if (!around.pending) return rest(state);
      return { state: { ...state, phase: { ...phase, until: null } }, effects: ['wake'] };
    case 'held':
      return quiet({ ...state, phase: { ...phase, until } });
    case 'waiting':
      if (!around.pending) return rest(state);
      return quiet({ ...state, phase: { ...phase, until: phase.until === null ? null : until } });
    case 'idle':
    case 'offered':
      return moved(state, around);
  }
}

function wakeAnew(state: Lifecycle, around: Surroundings): Step {
  const phase: Phase = { kind: 'waking', wake: around.freshWake, until: null };
  return { state: { ...state, generation: state.generation + 1, phase }, effects: ['save', 'wake'] };
}

function fail(state: Lifecycle, wake: string | null, until: number | null, around: Surroundings): Step {
  const retryAt = around.now + waitOf(state.failures, around);
  return saved({ ...state, failures: state.failures + 1, phase: { kind: 'waiting', wake, until, retryAt } });
}

/** Before the next attempt, ms, after so many failures before this one. */
function waitOf(failures: number, { jitter, retry: { firstMs, longestMs } }: Surroundings): number {
  const wait = Math.min(firstMs * 2 ** Math.min(failures, 30), longestMs);
  return Math.round(wait * (1 + JITTER * jitter));
}

function hold(state: Lifecycle, wake: string, holder: string | null, until: number): Step {
  return saved({ ...state, phase: { kind: 'held', wake, holder, until } });
}

function rest(state: Lifecycle): Step {
  return saved({ ...state, phase: { kind: 'idle' } });
}

function saved(state: Lifecycle): Step {
  return { state, effects: ['save'] };
}

/** Nothing to do, and nothing that a restart must know. */
function quiet(state: Lifecycle): Step {
  return { state, effects: [] };
}
