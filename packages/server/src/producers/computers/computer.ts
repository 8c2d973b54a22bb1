import type { Recording, Recordings } from '../../frames/recordings.ts';
import type { EgressPass } from '../../outgoing/egress.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Control, type ControlInput, step } from '../../sessions/control.ts';
import type { Session } from '../../sessions/session.ts';
import type { Browser } from './browser.ts';
import type { ComputerRecord } from './computer-store.ts';
import type { ComputerNow, ComputerStatus } from './computer-view.ts';
import type { EventOutlet } from './event-outlet.ts';
import type { Film } from './film.ts';
import { recordingStream } from './recording-face.ts';
import { countViewers, type ViewerParts, type Viewers } from './viewers.ts';

/** A computer that runs: its browser, its session, and who does what with it. */
export interface Computer {
  readonly record: ComputerRecord;
  readonly session: Session;
  readonly browser: Browser;
  /** Its way into the network; null: without a guard. */
  readonly way: EgressPass | null;
  /** Absolute; its own, gone with it. Callers know it as `/workspace`. */
  readonly folder: string;
  readonly events: EventOutlet;
  readonly viewers: Viewers;
  readonly film: Film;
  /** Of its pictures. */
  readonly spectators: Viewers;
  /** Of what it shows. Whoever holds the computer ends it. */
  readonly recording: Recording;
  readonly now: ComputerNow;
  /** Somebody uses it, or says that they will: its idle time begins anew. */
  renew(): void;
  /**
   * Something is asked of it that takes a while; until that is disposed it does not become idle. Undefined if as much
   * is under way as may be.
   */
  use(): Disposable | undefined;
  /** Resolves when nothing of it is left: its ending is written, its folder gone, its profile and its place free. */
  readonly gone: Promise<void>;
  /** Resolves when nothing is under way. */
  quiet(): Promise<void>;
  readonly control: Control;
  /** Changes who has control, and tells it. False: somebody else has it. */
  changeControl(input: ControlInput): boolean;
  /** What changes tabs is done one behind the other; whoever means the main tab waits for it. */
  tabs: Promise<unknown>;
}

export type ComputerParts = Pick<
  Computer,
  'record' | 'session' | 'browser' | 'way' | 'folder' | 'events' | 'film' | 'gone'
> & {
  readonly clock: Clock;
  readonly hub: ViewerParts['hub'];
  readonly recordings: Pick<Recordings, 'open'>;
  readonly maxActions: number;
  /** Whether who watches by a documented call uses it, too. */
  readonly watchingRenews: boolean;
};

export function createComputer(parts: ComputerParts): Computer {
  const { record, session, events, clock, maxActions } = parts;
  let status: ComputerStatus = 'ready';
  let lastActivityAt = clock.now();
  let control: Control = null;
  let using = 0;
  let waiting: (() => void)[] = [];
  let renewing: Disposable | undefined;

  function renew(): void {
    if (session.signal.aborted) return;
    lastActivityAt = clock.now();
    session.renew();
  }

  function done(): void {
    renew();
    using--;
    if (using > 0) return;
    renewing?.[Symbol.dispose]();
    renewing = undefined;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  // Often enough that none of them comes too late.
  const everyMs = Math.max(10, record.idleMs / 3);
  const counting = { key: session.key, clock, everyMs, renew, documentedRenew: parts.watchingRenews };
  const viewers = countViewers({ ...counting, hub: parts.hub });
  const spectators = countViewers({ ...counting, hub: parts.film.audience });
  const { film } = parts;
  const recording = parts.recordings.open({
    key: recordingStream(record.tenant, record.id),
    frames: film.main,
    // Tabs are pictured when they change: one that is filmed and gives no picture stands still.
    still: () => film.filming,
    seat: () => spectators.ignore(),
  });

  return {
    record,
    viewers,
    film,
    spectators,
    recording,
    session,
    browser: parts.browser,
    way: parts.way,
    folder: parts.folder,
    gone: parts.gone,
    events,
    get now() {
      return { status, lastActivityAt };
    },
    renew,
    use() {
      if (using >= maxActions) return undefined;
      renew();
      using++;
      // A command may take longer than the idle time.
      renewing ??= clock.every(everyMs, renew);
      if (status === 'ready') {
        status = 'running';
        events.tell({ type: 'session_state', status });
      }
      let over = false;
      return {
        [Symbol.dispose]() {
          if (!over) done();
          over = true;
        },
      };
    },
    quiet: () => (using === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    get control() {
      return control;
    },
    changeControl(input) {
      const next = step(control, input);
      if (next.effect === 'refused') return false;
      control = next.control;
      if (next.effect === 'changed') events.tell({ type: 'control', controller: control });
      return true;
    },
    tabs: Promise.resolve(),
  };
}
