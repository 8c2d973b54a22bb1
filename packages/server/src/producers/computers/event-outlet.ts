import type { Clock } from '../../runtime/clock.ts';
import type { Outlet } from '../../sessions/outlet.ts';
import { type ComputerEvent, logEvent } from './events.ts';

/** The way of one computer's events into its stream. After `close` nothing is told any more. */
export interface EventOutlet {
  /** Tells the first event, and behind it what pages did before. */
  begin(first: ComputerEvent): void;
  /** Tells what must not be missing: these happen as fast as callers act, and callers wait for room. */
  tell(...events: readonly ComputerEvent[]): void;
  /** Tells what pages do. While the log has no room these are counted instead of kept, for nobody can pause a page. */
  tellOfPage(...events: readonly ComputerEvent[]): void;
  close(): void;
}

export function createEventOutlet(id: string, outlet: Outlet, clock: Clock): EventOutlet {
  const omitted = new Map<ComputerEvent['type'], number>();
  /** What pages did before the beginning; undefined from then on. */
  let early: ComputerEvent[] | undefined = [];
  let closed = false;
  let full = false;

  function hasRoom(): boolean {
    if (full) return false;
    const room = outlet.room();
    if (room === undefined) return true;
    full = true;
    void room.then(() => {
      full = false;
    });
    return false;
  }

  function send(events: readonly ComputerEvent[]): void {
    if (closed || events.length === 0) return;
    const now = clock.now();
    const logged = events.map((event) => logEvent(id, event, now));
    let bytes = 0;
    for (const { data } of logged) bytes += data?.length ?? 0;
    outlet.send(logged, bytes);
  }

  function takeOmitted(): ComputerEvent[] {
    const events = [...omitted].map(([of, count]) => ({ type: 'omitted', of, count }) as const);
    omitted.clear();
    return events;
  }

  return {
    begin(first) {
      send([first, ...(early ?? [])]);
      early = undefined;
    },
    tell: (...events) => send(events),
    tellOfPage(...events) {
      if (early !== undefined) {
        early.push(...events);
        return;
      }
      if (hasRoom()) {
        send([...takeOmitted(), ...events]);
        return;
      }
      for (const { type } of events) omitted.set(type, (omitted.get(type) ?? 0) + 1);
    },
    close() {
      send(takeOmitted());
      closed = true;
    },
  };
}
